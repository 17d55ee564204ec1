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

const settings = z
  .object({
    ...hostSettings,
    ...relyingServiceSettings,
    ...redisSettings(isRedisUrl),
    PORT: port.default(3001),
    MANAGEMENT_PORT: port.default(3011),
    /** Where the payments service answers. The caller's token is sent there. */
    PAYMENTS_URL: origin,
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
