import { redisConnection, startRelyingService } from '@countersign/service-host';
import type { StartedRelyingService } from '@countersign/service-host';
import { RedisRevocationSource } from '@countersign/revocation-redis';
import {
  ACCESS_COOKIE,
  cookiePolicy,
  createTokenVerifier,
  SESSION_COOKIE,
} from '@countersign/token-verifier';
import { loadConfig } from './config/gateway-config.js';
import { createGatewayApp } from './gateway-app.js';
import { upstreams } from './proxy/upstream.js';
import { postJsonTo } from './swap/post-json.js';
import { SessionSwap } from './swap/session-swap.js';

/** How long identity may take to swap a session: it looks at its database, and may wait for a revocation that is going on. */
const SWAP_TIMEOUT_MS = 5_000;
const SWAP_CONNECTIONS = 64;

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
    verifier: (observers) =>
      createTokenVerifier({
        issuer: config.ISSUER_URL,
        audience: null,
        discoveryUrl: config.DISCOVERY_URL,
        credentials: { clientId: config.CLIENT_ID, clientSecret: config.CLIENT_SECRET_FILE },
        revocation: { sources: redis ? [new RedisRevocationSource(redis)] : [] },
        allowInsecureHttp: config.ALLOW_INSECURE_HTTP,
        staleness: config.STALENESS_LIMITS,
        ...observers,
      }),
    async app(parts) {
      const ask = postJsonTo({
        // Credentials go to the origin of the discovery document and nowhere else.
        url: new URL('/forward-auth', config.DISCOVERY_URL).href,
        authorization: basicAuthorization(config.CLIENT_ID, config.CLIENT_SECRET_FILE),
        timeoutMs: Math.min(SWAP_TIMEOUT_MS, config.UPSTREAM_TIMEOUT_MS),
        maxConnections: SWAP_CONNECTIONS,
      });
      const app = await createGatewayApp({
        ...parts,
        swap: new SessionSwap(ask, parts.logger, parts.metrics),
        cookies: cookiePolicy({
          names: [ACCESS_COOKIE, SESSION_COOKIE],
          origins: [config.ISSUER_URL, ...config.TRUSTED_ORIGINS],
        }),
        trustedOrigins: config.TRUSTED_ORIGINS,
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
        async close() {
          await app.close();
          await ask.close();
        },
      };
    },
  });
}

/** RFC 6749 §2.3.1. */
function basicAuthorization(id: string, secret: string): string {
  const pair = [id, secret].map(encodeURIComponent).join(':');
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}
