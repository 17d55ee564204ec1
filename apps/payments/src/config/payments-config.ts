import {
  hostSettings,
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
    PORT: port.default(3002),
    MANAGEMENT_PORT: port.default(3012),
  })
  .refine(...safeDiscovery(isSafeUrl));

export type PaymentsConfig = Readonly<z.output<typeof settings>>;

/**
 * Reads all settings.
 *
 * @throws {ConfigurationError} naming every fault at once
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): PaymentsConfig {
  return readEnvironment(settings, env);
}
