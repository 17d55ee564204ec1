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
import { loadConfig } from './config/orders-config.js';
import { orderProblem } from './orders/order-error.js';
import { paymentsProblem } from './payments/payments-error.js';
import { PaymentsService } from './payments/payments-service.js';
import { SystemClock } from './platform/system-clock.js';

/** How long requests under way may take once the service stops. */
const DRAIN_MS = 4_000;

/** The running service, and the ports it was given when it asked for free ones. */
export interface StartedOrders extends RunningService {
  readonly port: number;
  readonly managementPort: number;
}

/**
 * Brings the service up. It listens at once; until the verifier has keys and revocations it says that it is not ready, and
 * answers requests that carry a token with 503.
 *
 * @throws {ConfigurationError} naming all faults at once
 */
export async function startOrders(
  env: Readonly<Record<string, string | undefined>>,
): Promise<StartedOrders> {
  const config = loadConfig(env);
  const { LOG_LEVEL: level, LOG_FORMAT: format, BIND_HOST: host } = config;
  const logger = createLogger({ name: 'orders', level, format });
  const metrics = createMetrics();
  const measured = measureVerifier(metrics);
  const verifier = createTokenVerifier({
    issuer: config.ISSUER_URL,
    audience: 'orders',
    discoveryUrl: config.DISCOVERY_URL,
    credentials: { clientId: config.CLIENT_ID, clientSecret: config.CLIENT_SECRET_FILE },
    allowInsecureHttp: config.ALLOW_INSECURE_HTTP,
    onOutcome: measured.onOutcome,
  });
  measured.watch(verifier);
  const payments = new PaymentsService(config.PAYMENTS_URL);
  const app = await createHttpApp(AppModule.of({ verifier, payments, clock: new SystemClock() }), {
    logger,
    metrics,
    problems: [orderProblem, paymentsProblem],
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
  logger.info({ port, managementPort, issuer: config.ISSUER_URL }, 'orders is listening');
  void verifier.ready().then((ready) => ready && logger.info('orders is ready'));

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
