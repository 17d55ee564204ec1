import { createHttpApp, redisConnection, startRelyingService } from '@countersign/service-host';
import type { StartedRelyingService } from '@countersign/service-host';
import { RedisRevocationSource } from '@countersign/revocation-redis';
import { createTokenVerifier } from '@countersign/token-verifier';
import { AppModule } from './app.module.js';
import { loadConfig } from './config/payments-config.js';
import { paymentProblem } from './payments/payment-error.js';
import { SystemClock } from './platform/system-clock.js';

/**
 * Brings the service up. It listens at once; until the verifier has keys and revocations it says that it is not ready, and
 * answers requests that carry a token with 503.
 *
 * @throws {ConfigurationError} naming all faults at once
 */
export async function startPayments(
  env: Readonly<Record<string, string | undefined>>,
): Promise<StartedRelyingService> {
  const config = loadConfig(env);
  const redis = redisConnection(config);
  return startRelyingService({
    name: 'payments',
    config,
    opens: 'at once',
    verifier: (observers) =>
      createTokenVerifier({
        issuer: config.ISSUER_URL,
        audience: 'payments',
        discoveryUrl: config.DISCOVERY_URL,
        credentials: { clientId: config.CLIENT_ID, clientSecret: config.CLIENT_SECRET_FILE },
        revocation: { sources: redis ? [new RedisRevocationSource(redis)] : [] },
        allowInsecureHttp: config.ALLOW_INSECURE_HTTP,
        staleness: config.STALENESS_LIMITS,
        ...observers,
      }),
    app({ verifier, logger, metrics }) {
      const module = AppModule.of({ verifier, clock: new SystemClock() });
      return createHttpApp(module, { logger, metrics, problems: [paymentProblem] });
    },
  });
}
