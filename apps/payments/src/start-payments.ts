import type { AddressInfo } from 'node:net';
import {
  closeWithin,
  createHttpApp,
  createLogger,
  createManagementListener,
  createMetrics,
  measureVerifier,
} from '@countersign/service-host';
import type { RunningService } from '@countersign/service-host';
import { createTokenVerifier } from '@countersign/token-verifier';
import { AppModule } from './app.module.js';
import { loadConfig } from './config/payments-config.js';
import { paymentProblem } from './payments/payment-error.js';
import { SystemClock } from './platform/system-clock.js';

/** How long requests under way may take once the service stops. */
const DRAIN_MS = 4_000;

/** The running service, and the ports it was given when it asked for free ones. */
export interface StartedPayments extends RunningService {
  readonly port: number;
  readonly managementPort: number;
}

/**
 * Brings the service up. It listens at once; until the verifier has keys and revocations it says that it is not ready, and
 * answers requests that carry a token with 503.
 *
 * @throws {ConfigurationError} naming all faults at once
 */
export async function startPayments(
  env: Readonly<Record<string, string | undefined>>,
): Promise<StartedPayments> {
  const config = loadConfig(env);
  const { LOG_LEVEL: level, LOG_FORMAT: format, BIND_HOST: host } = config;
  const logger = createLogger({ name: 'payments', level, format });
  const metrics = createMetrics();
  const measured = measureVerifier(metrics);
  const verifier = createTokenVerifier({
    issuer: config.ISSUER_URL,
    audience: 'payments',
    discoveryUrl: config.DISCOVERY_URL,
    credentials: { clientId: config.CLIENT_ID, clientSecret: config.CLIENT_SECRET_FILE },
    allowInsecureHttp: config.ALLOW_INSECURE_HTTP,
    onOutcome: measured.onOutcome,
  });
  measured.watch(verifier);
  const app = await createHttpApp(AppModule.of({ verifier, clock: new SystemClock() }), {
    logger,
    metrics,
    problems: [paymentProblem],
  });
  let stopping = false;
  const management = createManagementListener({
    logger,
    metrics,
    readiness: () => (stopping ? { ready: false, missing: ['stopping'] } : verifier.state()),
  });
  await management.listen({ host, port: config.MANAGEMENT_PORT });
  await app.listen(config.PORT, host);
  const { port } = app.getHttpServer().address() as AddressInfo;
  const { port: managementPort } = management.server.address() as AddressInfo;
  logger.info({ port, managementPort, issuer: config.ISSUER_URL }, 'payments is listening');
  void verifier.ready().then((ready) => ready && logger.info('payments is ready'));

  return {
    logger,
    port,
    managementPort,
    async stop() {
      stopping = true;
      await closeWithin(app.getHttpServer(), () => app.close(), DRAIN_MS);
      await Promise.all([verifier.close(), management.close()]);
    },
  };
}
