import {
  addManagementRoutes,
  createHttpApp,
  createLogger,
  createMetrics,
} from '@countersign/service-host';
import type { INestApplicationContext } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { OperatorListenerModule } from '../src/listeners/operator-listener.module.js';
import { operatorDocument } from '../src/listeners/operator-document.js';
import { domainProblem } from '../src/listeners/problems.js';
import { addOpenApiRoutes } from '../src/openapi/openapi-routes.js';
import type { OpenApiDocument } from '../src/openapi/openapi-document.js';
import { Operators } from '../src/operators/operators.js';
import type { OperatorRole } from '../src/operators/operator.js';
import { DocumentedAnswers } from './documented-answers.mjs';
import type { Replica } from './identity-under-test.js';

/** The operator listener of a replica, and a way to ask it. */
export interface OperatorListener {
  readonly url: string;
  /** Adds an operator. @returns their token */
  addOperator(name: string, roles: readonly OperatorRole[]): Promise<string>;
  ask(token: string | undefined, method: string, path: string, body?: unknown): Promise<Response>;
  /** `METHOD /path` of each route. */
  routes(): string[];
  /** Its OpenAPI document, and the answers that were held against it. */
  readonly document: OpenApiDocument;
  readonly answers: DocumentedAnswers;
  /** @throws {Error} when an answer was not as documented */
  close(): Promise<void>;
}

export async function startOperatorListener(replica: Replica): Promise<OperatorListener> {
  const metrics = createMetrics();
  const app = await createHttpApp(
    OperatorListenerModule.of(replica as unknown as INestApplicationContext),
    {
      logger: createLogger({ name: 'identity', level: 'fatal', format: 'json' }),
      metrics,
      problems: [domainProblem],
    },
  );
  const routes: string[] = [];
  const server: FastifyInstance = app.getHttpAdapter().getInstance();
  server.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) if (one !== 'HEAD') routes.push(`${one} ${url}`);
  });
  const document = operatorDocument();
  const answers = new DocumentedAnswers(document);
  addOpenApiRoutes(server, '/operator', document);
  addManagementRoutes(server, { metrics, readiness: () => ({ ready: true, missing: [] }) });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const endWatch = answers.watch(Number(new URL(url).port));
  return {
    url,
    document,
    answers,
    routes: () => routes,
    addOperator: (name, roles) => replica.get(Operators).add(name, roles),
    ask: (token, method, path, body) =>
      fetch(`${url}${path}`, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async close() {
      app.getHttpServer().closeAllConnections();
      await app.close();
      endWatch();
      if (answers.faults.size > 0) throw new Error([...answers.faults].join('\n'));
    },
  };
}
