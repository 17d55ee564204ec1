import pg from 'pg';
import type { EntityManager } from 'typeorm';
import { prepared } from '../platform/database.js';
import { Session } from './session.js';
import type { SessionLifetime } from './session-lifetime.js';
import type { StoredSecrets } from './session-secrets.js';

export type NewSession = Pick<
  Session,
  'sid' | 'accountId' | 'clientId' | 'delivery' | 'remembered' | 'deviceName' | 'userAgent' | 'ip'
>;

/** Is notified, with its `sid`, when a session has got other secrets. */
export const RENEWED_SESSION_CHANNEL = 'countersign_renewed_session';

/** A session whose row has been begun. */
export interface InsertedSession {
  readonly session: Session;
  /** How many others of the account were live before. */
  readonly others: number;
}

/** Begins the row of a session, all its times the same moment of the database's. */
export async function insertSession(
  tx: EntityManager,
  given: NewSession,
  secrets: StoredSecrets,
  { ttlSeconds, idleSeconds }: SessionLifetime,
): Promise<InsertedSession> {
  const [row] = await prepared<
    Pick<Session, 'authTime' | 'createdAt' | 'lastSeenAt' | 'expiresAt' | 'idleExpiresAt'> &
      Pick<InsertedSession, 'others'>
  >(tx, {
    name: 'insert_session',
    text: `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, device_name, user_agent, ip,
       sealed_secret, master_key_id, cookie_hash,
       auth_time, created_at, last_seen_at, expires_at, idle_expires_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, t, t, t, t + make_interval(secs => $12),
       least(t + make_interval(secs => $12), t + make_interval(secs => $13))
     FROM clock_timestamp() AS t
     RETURNING auth_time AS "authTime", created_at AS "createdAt", last_seen_at AS "lastSeenAt",
       expires_at AS "expiresAt", idle_expires_at AS "idleExpiresAt",
       (SELECT count(*)::integer FROM sessions AS o WHERE o.account_id = $2 AND o.ended_at IS NULL
         AND least(o.expires_at, o.idle_expires_at) > clock_timestamp()) AS others`,
    values: [
      given.sid,
      given.accountId,
      given.clientId,
      given.delivery,
      given.remembered,
      given.deviceName,
      given.userAgent,
      given.ip,
      secrets.sealedSecret,
      secrets.masterKeyId,
      secrets.cookieHash,
      ttlSeconds,
      idleSeconds,
    ],
  });
  if (!row) throw new TypeError('the database answered without a row');
  const { others, ...times } = row;
  const session = tx.create(Session, { ...given, ...times, endedAt: null, endReason: null });
  return { session, others };
}

/** Puts other secrets in the place of a session's. Whoever calls it holds the session's lock alone. */
export async function replaceSecrets(
  tx: EntityManager,
  sid: string,
  { sealedSecret, masterKeyId, cookieHash }: StoredSecrets,
): Promise<void> {
  await tx.query(
    `UPDATE sessions SET sealed_secret = $2, master_key_id = $3, cookie_hash = $4, refreshed_at = NULL
     WHERE sid = $1`,
    [sid, sealedSecret, masterKeyId, cookieHash],
  );
  await tx.query(`SELECT pg_notify($1, $2)`, [RENEWED_SESSION_CHANNEL, sid]);
}

/** The statement, without parameters, that carries a session on to a generation. */
export function advancing(sid: string, generation: number, idleSeconds: number): string {
  const [to, idle] = [generation, idleSeconds].map((number) => String(Math.trunc(number)));
  return `UPDATE sessions SET generation = ${to ?? ''}, refreshed_at = t, last_seen_at = t,
      idle_expires_at = least(expires_at, t + make_interval(secs => ${idle ?? ''}))
    FROM clock_timestamp() AS t WHERE sid = ${pg.escapeLiteral(sid)}`;
}
