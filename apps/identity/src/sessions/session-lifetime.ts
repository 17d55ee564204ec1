import type { IdentityConfig } from '../config/identity-config.js';

/** How long a session lives, and how long without being used. Seconds. */
export interface SessionLifetime {
  readonly ttlSeconds: number;
  readonly idleSeconds: number;
}

export function sessionLifetime(config: IdentityConfig, remembered: boolean): SessionLifetime {
  return remembered
    ? {
        ttlSeconds: config.REMEMBERED_SESSION_TTL_SECONDS,
        idleSeconds: config.REMEMBERED_SESSION_IDLE_SECONDS,
      }
    : { ttlSeconds: config.SESSION_TTL_SECONDS, idleSeconds: config.SESSION_IDLE_SECONDS };
}
