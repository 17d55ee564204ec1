import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { scopesOf } from '../accounts/roles.js';
import type { Role } from '../accounts/roles.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Database } from '../platform/database.js';
import { isSecretGood, parseOpaqueCookie } from './delivery/opaque-cookie.js';
import { sessionLifetime } from './session-lifetime.js';
import { isSessionId, readStanding, stateOf } from './standing.js';
import type { SessionState, Standing } from './standing.js';

/** That a session is in use is written down again after so many seconds, or sooner where the idle limit is that short. */
const SEEN_EVERY_SECONDS = 60;

/** Who a session belongs to, and whether it is one still. Instants are NumericDate seconds. */
export interface KnownSession {
  readonly state: SessionState;
  readonly sid: string;
  readonly accountId: string;
  readonly clientId: string;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
  readonly authTime: number;
  /** Over at this moment unless it is used before. */
  readonly expiresAt: number;
}

/** Finds sessions in the database, which is always right about them. One statement each, and at most one write a minute. */
@Injectable()
export class SessionLookup {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
  ) {}

  /**
   * The session of an opaque cookie, live or not, and notes that a live one is in use. For whoever is about to issue a token for it:
   * the token itself must come from `SessionTokens.issueFor`, which looks again under the locks.
   *
   * @param value as it stands in the cookie, from anybody
   * @returns `undefined` when there is no such session or the secret is not its own
   * @throws {DomainError} `database_unavailable`
   */
  async byCookie(value: string): Promise<KnownSession | undefined> {
    const cookie = parseOpaqueCookie(value);
    if (!cookie) return undefined;
    return this.#read(cookie.sid, ({ cookieHash }) => isSecretGood(cookie.secret, cookieHash));
  }

  /**
   * The same for a session that a verified access token names.
   *
   * @throws {DomainError} `database_unavailable`
   */
  async bySid(sid: string): Promise<KnownSession | undefined> {
    return isSessionId(sid) ? this.#read(sid, () => true) : undefined;
  }

  #read(sid: string, isShown: (standing: Standing) => boolean): Promise<KnownSession | undefined> {
    return this.database.run(async (manager) => {
      const standing = await readStanding(manager, sid);
      if (!standing || !isShown(standing)) return undefined;
      const known = toKnownSession(standing);
      const { idleSeconds } = sessionLifetime(this.config, standing.remembered);
      const every = Math.min(SEEN_EVERY_SECONDS, idleSeconds / 4);
      if (known.state !== 'live' || standing.sinceSeen < every) return known;
      const expiresAt = await noteUse(manager, standing, idleSeconds, every);
      return { ...known, expiresAt: expiresAt ?? known.expiresAt };
    });
  }
}

/** @returns the new {@link KnownSession.expiresAt}; `undefined` when the session is over by now, or somebody else has noted it */
async function noteUse(
  manager: EntityManager,
  { sid, delivery }: Standing,
  idleSeconds: number,
  every: number,
): Promise<number | undefined> {
  // Where there are refresh tokens, only a refresh carries the session on.
  const [rows] = await manager.query<[{ expiresAt: number }[]]>(
    `UPDATE sessions SET last_seen_at = clock_timestamp(),
       idle_expires_at = CASE WHEN $3 THEN least(expires_at, clock_timestamp() + make_interval(secs => $2))
         ELSE idle_expires_at END
     WHERE sid = $1 AND ended_at IS NULL AND least(expires_at, idle_expires_at) > clock_timestamp()
       AND last_seen_at <= clock_timestamp() - make_interval(secs => $4)
     RETURNING extract(epoch FROM least(expires_at, idle_expires_at))::float8 AS "expiresAt"`,
    [sid, idleSeconds, delivery === 'session', every],
  );
  return rows[0]?.expiresAt;
}

function toKnownSession(standing: Standing): KnownSession {
  const { sid, accountId, clientId, roles, authTime, idleEndsAt } = standing;
  return {
    state: stateOf(standing),
    sid,
    accountId,
    clientId,
    roles,
    scopes: scopesOf(roles),
    authTime,
    expiresAt: idleEndsAt,
  };
}
