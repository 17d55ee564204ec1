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

const settings = z
  .object({
    ...hostSettings,
    ...relyingServiceSettings,
    ...redisSettings(isRedisUrl),
    PORT: port.default(8080),
    MANAGEMENT_PORT: port.default(8081),
    /** Identity's public listener. Never its service or operator listener. */
    IDENTITY_URL: origin,
    ORDERS_URL: origin,
    PAYMENTS_URL: origin,
    /** Origins of front ends elsewhere whose pages may use cookies of ours, separated by commas: what identity is told. Default: none. */
    TRUSTED_ORIGINS: originList,
    /** Whose `X-Forwarded-*` count: addresses or CIDRs, separated by commas. Default: nobody's. */
    TRUSTED_PROXIES: proxyList,
    /** How long an upstream may take to begin its answer. */
    UPSTREAM_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(15_000),
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
