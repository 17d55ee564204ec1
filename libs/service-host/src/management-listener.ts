import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { protectAnswers } from './answer-headers.js';
import { fastifySettings } from './http-app.js';
import type { Logger } from './logger.js';
import type { Registry } from './metrics.js';
import { refuseOtherForms } from './request-form.js';

/** Whether a process can do its work, and if not, what is missing, for people. */
export interface Readiness {
  readonly ready: boolean;
  readonly missing: readonly string[];
}

export interface ManagementOptions {
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly readiness: () => Readiness;
}

/** Orchestrators ask every few seconds: no line in the log for each. */
const quiet = { logLevel: 'warn' } as const;

/**
 * The routes that operators and orchestrators use, on a listener of their own that no gateway routes to:
 * `GET /health/live` (checks nothing outside), `GET /health/ready` (200 or 503), `GET /metrics`.
 */
export function addManagementRoutes(
  app: FastifyInstance,
  { metrics, readiness }: Omit<ManagementOptions, 'logger'>,
): void {
  app.get('/health/live', quiet, () => ({ status: 'live' }));
  app.get('/health/ready', quiet, async (_request, reply) => {
    const { ready, missing } = readiness();
    return reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', missing });
  });
  app.get('/metrics', quiet, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
}

/** A process's management listener, not yet listening. */
export function createManagementListener(options: ManagementOptions): FastifyInstance {
  const logger = options.logger.child({}, { level: 'warn' });
  const app: FastifyInstance = fastify({
    ...fastifySettings(logger),
    forceCloseConnections: true,
  });
  protectAnswers(app);
  refuseOtherForms(app);
  addManagementRoutes(app, options);
  return app;
}
