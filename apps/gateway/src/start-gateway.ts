import { redisConnection, startRelyingService } from '@countersign/service-host';
import type { StartedRelyingService } from '@countersign/service-host';
import { RedisRevocationSource } from '@countersign/revocation-redis';
import { createTokenVerifier } from '@countersign/token-verifier';
import { loadConfig } from './config/gateway-config.js';
import { createGatewayApp } from './gateway-app.js';
import { upstreams } from './proxy/upstream.js';

/**
 * Brings the gateway up. Its management listener answers at once; the public one opens when tokens can be verified, and stays
 * open from then on.
 *
 * @throws {ConfigurationError} naming all faults at once
 */
export async function startGateway(
  env: Readonly<Record<string, string | undefined>>,
): Promise<StartedRelyingService> {
  const config = loadConfig(env);
  const redis = redisConnection(config);
  return startRelyingService({
    name: 'gateway',
    config,
    opens: 'when it verifies',
    verifier: (onOutcome, onKeyFetch) =>
      createTokenVerifier({
        issuer: config.ISSUER_URL,
        audience: null,
        discoveryUrl: config.DISCOVERY_URL,
        credentials: { clientId: config.CLIENT_ID, clientSecret: config.CLIENT_SECRET_FILE },
        revocation: { sources: redis ? [new RedisRevocationSource(redis)] : [] },
        allowInsecureHttp: config.ALLOW_INSECURE_HTTP,
        staleness: config.STALENESS_LIMITS,
        onOutcome,
        onKeyFetch,
      }),
    async app(parts) {
      const app = await createGatewayApp({
        ...parts,
        trustedProxies: config.TRUSTED_PROXIES,
        upstreamTimeoutMs: config.UPSTREAM_TIMEOUT_MS,
        upstreams: upstreams({
          identity: config.IDENTITY_URL,
          orders: config.ORDERS_URL,
          payments: config.PAYMENTS_URL,
        }),
      });
      return {
        getHttpServer: () => app.server,
        listen: (port, host) => app.listen({ port, host }),
        close: () => app.close(),
      };
    },
  });
}
