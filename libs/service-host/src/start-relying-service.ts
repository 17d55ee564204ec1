import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeWithin, rememberConnections } from './close-within.js';
import { limitConnections } from './limit-connections.js';
import { createLogger } from './logger.js';
import type { Logger } from './logger.js';
import { createManagementListener } from './management-listener.js';
import type { Readiness } from './management-listener.js';
import { createMetrics } from './metrics.js';
import type { Registry } from './metrics.js';
import { latchedReadiness } from './readiness.js';
import { retireConnections } from './retire-connections.js';
import type { RunningService } from './run-service.js';
import { reportSources } from './source-reports.js';
import type { HearsOfRevocations } from './source-reports.js';
import { measureVerifier } from './verifier-metrics.js';
import type { MeasuredVerifier } from './verifier-metrics.js';
import { traced } from './tracing.js';

/** How long requests under way may take once the service stops. */
const DRAIN_MS = 4_000;

/** The part of a token verifier that a process needs to bring it up and down. */
export interface HostedVerifier extends MeasuredVerifier {
  state(): ReturnType<MeasuredVerifier['state']> &
    ReturnType<HearsOfRevocations['state']> &
    Readiness;
  /** Waits, without ever rejecting. False: it was closed before. */
  ready(): Promise<boolean>;
  close(): Promise<unknown>;
}

/** What serves the requests, not yet listening: a Nest application is one. */
export interface HostedApp {
  getHttpServer(): Server;
  listen(port: number, host: string): Promise<unknown>;
  close(): Promise<unknown>;
}

export interface RelyingService<V extends HostedVerifier> {
  readonly name: string;
  /** Of `hostSettings` and `relyingServiceSettings`, and the ports. */
  readonly config: {
    readonly LOG_LEVEL: string;
    readonly LOG_FORMAT: 'json' | 'pretty';
    readonly BIND_HOST: string;
    readonly DRAIN_SECONDS: number;
    readonly MAX_CONNECTIONS: number;
    readonly PORT: number;
    readonly MANAGEMENT_PORT: number;
    readonly ISSUER_URL: string;
  };
  /** `at once` answers 503 to tokens until they can be verified; `when it verifies` keeps the port closed until then. */
  readonly opens: 'at once' | 'when it verifies';
  /** Makes the verifier, and hands it those that look on. */
  readonly verifier: (observers: VerifierObservers) => V;
  readonly app: (parts: {
    readonly verifier: V;
    readonly logger: Logger;
    readonly metrics: Registry;
  }) => Promise<HostedApp>;
}

/** Options of a token verifier that its process fills in. */
export interface VerifierObservers {
  readonly onOutcome: (outcome: string, reason?: string) => void;
  readonly onKeyFetch: (outcome: string, reason?: string) => void;
  readonly trace: <T>(work: () => T) => T;
}

/** The running service, and the ports it was given when it asked for free ones. */
export interface StartedRelyingService extends RunningService {
  /** `undefined` until the public port is open. */
  readonly port: number | undefined;
  readonly managementPort: number;
}

/**
 * Brings a process up that verifies tokens: its log, its metrics, the management listener, and the application. It is ready
 * when the public port is open and the verifier was ready once; see {@link latchedReadiness} for what comes later.
 *
 * Its stop finishes the requests under way while the verifier still works for them; the management listener goes last.
 */
export async function startRelyingService<V extends HostedVerifier>(
  service: RelyingService<V>,
): Promise<StartedRelyingService> {
  const { name, config, opens } = service;
  const logger = createLogger({ name, level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const metrics = createMetrics();
  const measured = measureVerifier(metrics);
  const verifier = service.verifier({
    onOutcome: measured.onOutcome,
    onKeyFetch(outcome, reason) {
      if (reason !== undefined)
        logger.warn({ outcome, reason }, 'the keys of the issuer could not be refreshed');
    },
    trace: (work) => traced('verify token', work),
  });
  measured.watch(verifier);
  const endReports = reportSources(logger, verifier);
  const app = await service.app({ verifier, logger, metrics });
  const server = app.getHttpServer();

  const health = latchedReadiness(() => {
    const { missing } = verifier.state();
    const all = server.listening ? missing : [...missing, 'the public port is not open'];
    return { ready: all.length === 0, missing: all };
  });
  const management = createManagementListener({ logger, metrics, readiness: health.readiness });
  limitConnections([server, management.server], config.MAX_CONNECTIONS, metrics);
  rememberConnections(server);
  await management.listen({ host: config.BIND_HOST, port: config.MANAGEMENT_PORT });
  const managementPort = portOf(management.server) ?? 0;
  logger.info(
    { managementPort, issuer: config.ISSUER_URL },
    `${name} waits for keys and revocations`,
  );

  let stopping = false;
  const drainMs = config.DRAIN_SECONDS * 1000;
  const open = async () => {
    await app.listen(config.PORT, config.BIND_HOST);
    logger.info({ port: portOf(server) }, `${name} is listening`);
  };
  const becomeReady = async () => {
    if (!(await verifier.ready()) || stopping) return;
    if (opens === 'when it verifies') await open();
    if (health.readiness().ready) logger.info(`${name} is ready`);
  };
  if (opens === 'at once') await open();
  // A port that is taken then ends the process as an unhandled rejection, with its reason in the log.
  void becomeReady();

  return {
    logger,
    get port() {
      return portOf(server);
    },
    managementPort,
    drainMs,
    async stop() {
      stopping = true;
      health.drain();
      await retireConnections([server], drainMs);
      endReports();
      await closeWithin(server, () => app.close(), DRAIN_MS);
      await Promise.all([verifier.close(), management.close()]);
    },
  };
}

function portOf(server: Server): number | undefined {
  return (server.address() as AddressInfo | null)?.port;
}
