import {
  hostSettings,
  origin,
  port,
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
    PORT: port.default(3001).describe('Where the service listens.'),
    MANAGEMENT_PORT: port.default(3011).describe('The listener for health and metrics.'),
    PAYMENTS_URL: origin.describe(
      "Where the payments service answers. The caller's token is sent there.",
    ),
  })
  .refine(...safeDiscovery(isSafeUrl));

export type OrdersConfig = Readonly<z.output<typeof settings>>;

/**
 * Reads all settings.
 *
 * @throws {ConfigurationError} naming every fault at once
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): OrdersConfig {
  return readEnvironment(settings, env);
}
