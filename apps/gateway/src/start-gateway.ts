import type { AddressInfo } from 'node:net';
import {
  closeWithin,
  createLogger,
  createManagementListener,
  createMetrics,
  measureVerifier,
} from '@countersign/service-host';
import type { RunningService } from '@countersign/service-host';
import { createTokenVerifier } from '@countersign/token-verifier';
import { loadConfig } from './config/gateway-config.js';
import { createGatewayApp } from './gateway-app.js';
import { upstreams } from './proxy/upstream.js';

/** How long requests under way may take once the gateway stops. */
const DRAIN_MS = 4_000;

/** The running gateway, and the ports it was given when it asked for free ones. */
export interface StartedGateway extends RunningService {
  /** The public port; `undefined` until it is open. */
  port(): number | undefined;
  readonly managementPort: number;
}

/**
 * Brings the gateway up. Its management listener answers at once; the public one opens when tokens can be verified, and stays
 * open from then on.
 *
 * @throws {ConfigurationError} naming all faults at once
 */
export async function startGateway(
  env: Readonly<Record<string, string | undefined>>,
): Promise<StartedGateway> {
  const config = loadConfig(env);
  const { LOG_LEVEL: level, LOG_FORMAT: format, BIND_HOST: host } = config;
  const logger = createLogger({ name: 'gateway', level, format });
  const metrics = createMetrics();
  const measured = measureVerifier(metrics);
  const verifier = createTokenVerifier({
    issuer: config.ISSUER_URL,
    audience: null,
    discoveryUrl: config.DISCOVERY_URL,
    credentials: { clientId: config.CLIENT_ID, clientSecret: config.CLIENT_SECRET_FILE },
    allowInsecureHttp: config.ALLOW_INSECURE_HTTP,
    onOutcome: measured.onOutcome,
  });
  measured.watch(verifier);
  const app = await createGatewayApp({
    verifier,
    logger,
    metrics,
    trustedProxies: config.TRUSTED_PROXIES,
    upstreamTimeoutMs: config.UPSTREAM_TIMEOUT_MS,
    upstreams: upstreams({
      identity: config.IDENTITY_URL,
      orders: config.ORDERS_URL,
      payments: config.PAYMENTS_URL,
    }),
  });
  let stopping = false;
  const management = createManagementListener({
    logger,
    metrics,
    readiness: () => {
      const missing = [
        ...verifier.state().missing,
        ...(app.server.listening ? [] : ['the public port is not open']),
        ...(stopping ? ['stopping'] : []),
      ];
      return { ready: missing.length === 0, missing };
    },
  });
  await management.listen({ host, port: config.MANAGEMENT_PORT });
  const { port: managementPort } = management.server.address() as AddressInfo;
  logger.info(
    { managementPort, issuer: config.ISSUER_URL },
    'gateway waits for keys and revocations',
  );

  const open = async () => {
    if (!(await verifier.ready()) || stopping) return;
    await app.listen({ host, port: config.PORT });
    logger.info({ port: portOf(app.server.address()) }, 'gateway is open');
  };
  // A port that is taken then ends the process as an unhandled rejection, with its reason in the log.
  void open();

  return {
    logger,
    port: () => portOf(app.server.address()),
    managementPort,
    async stop() {
      stopping = true;
      await closeWithin(app.server, () => app.close(), DRAIN_MS);
      await Promise.all([verifier.close(), management.close()]);
    },
  };
}

function portOf(address: AddressInfo | string | null): number | undefined {
  return typeof address === 'object' ? address?.port : undefined;
}
