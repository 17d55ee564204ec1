import { z } from 'zod';
import { secretFile } from './environment.js';

/** How to reach Redis, and as whom. */
export interface RedisConnection {
  readonly url: string;
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly ca: string | undefined;
}

/** What {@link redisSettings} gives. */
export interface RedisSettings {
  readonly REDIS_URL?: string | undefined;
  readonly REDIS_PASSWORD_FILE?: string | undefined;
  readonly REDIS_SENTINEL_PASSWORD_FILE?: string | undefined;
  readonly REDIS_CA_FILE?: string | undefined;
}

/**
 * Settings of every process that can use Redis.
 *
 * @param isRedisUrl what is understood, handed in because nothing here knows Redis
 */
export function redisSettings(isRedisUrl: (url: string) => boolean) {
  return {
    REDIS_URL: z
      .string()
      .refine(
        isRedisUrl,
        'must be redis://[user@]host[:port] or redis+sentinel://[user@]host[:port],…/master-name; rediss for TLS',
      )
      .optional()
      .describe(
        '`redis://`, `rediss://` (TLS), or the same with `+sentinel` and the name of the master. Default: no Redis.',
      ),
    REDIS_PASSWORD_FILE: secretFile
      .optional()
      .describe('A file with the password, which is used instead of one in `REDIS_URL`.'),
    REDIS_SENTINEL_PASSWORD_FILE: secretFile
      .optional()
      .describe('The same for the Sentinels themselves, where they ask for a password.'),
    REDIS_CA_FILE: secretFile
      .optional()
      .describe(
        "A file with the certificate of the authority that signed Redis's, where it is not a public one.",
      ),
  };
}

/** The connection that the settings describe; `undefined` without `REDIS_URL`. */
export function redisConnection(settings: RedisSettings): RedisConnection | undefined {
  const { REDIS_URL: url } = settings;
  return url === undefined
    ? undefined
    : {
        url,
        password: settings.REDIS_PASSWORD_FILE,
        sentinelPassword: settings.REDIS_SENTINEL_PASSWORD_FILE,
        ca: settings.REDIS_CA_FILE,
      };
}
