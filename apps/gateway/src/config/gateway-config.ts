import {
  hostSettings,
  origin,
  originList,
  port,
  proxyList,
  readEnvironment,
  redisSettings,
  relyingServiceSettings,
  safeDiscovery,
} from '@countersign/service-host';
import { isRedisUrl } from '@countersign/revocation-redis';
import { isSafeUrl } from '@countersign/token-verifier';
import { z } from 'zod';

/** Every setting, with what it is for. */
export const settings = z
  .object({
    ...hostSettings,
    ...relyingServiceSettings,
    ...redisSettings(isRedisUrl),
    PORT: port.default(8080).describe('Where the gateway listens.'),
    MANAGEMENT_PORT: port.default(8081).describe('The listener for health and metrics.'),
    IDENTITY_URL: origin.describe(
      "Identity's public listener. Never its service or operator listener.",
    ),
    ORDERS_URL: origin.describe('The orders service.'),
    PAYMENTS_URL: origin.describe('The payments service.'),
    TRUSTED_ORIGINS: originList.describe(
      'Origins of front ends elsewhere whose pages may use cookies of ours, separated by commas: what identity is told. Default: none.',
    ),
    TRUSTED_PROXIES: proxyList.describe(
      "Whose `X-Forwarded-*` count: addresses or CIDRs, separated by commas. Default: nobody's.",
    ),
    UPSTREAM_TIMEOUT_MS: z.coerce
      .number()
      .int()
      .min(100)
      .max(60_000)
      .default(15_000)
      .describe('How long an upstream may take to begin its answer.'),
  })
  .refine(...safeDiscovery(isSafeUrl));

export type GatewayConfig = Readonly<z.output<typeof settings>>;

/**
 * Reads all settings.
 *
 * @throws {ConfigurationError} naming every fault at once
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): GatewayConfig {
  return readEnvironment(settings, env);
}
