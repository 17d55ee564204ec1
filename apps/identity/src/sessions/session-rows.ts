import type { EntityManager } from 'typeorm';
import type { Statement } from '../platform/database.js';
import type { Session } from './session.js';
import type { SessionLifetime } from './session-lifetime.js';
import type { StoredSecrets } from './session-secrets.js';

export type NewSession = Pick<
  Session,
  'sid' | 'accountId' | 'clientId' | 'delivery' | 'remembered' | 'deviceName' | 'userAgent' | 'ip'
>;

/** Is notified, with its `sid`, when a session has got other secrets. */
export const RENEWED_SESSION_CHANNEL = 'countersign_renewed_session';

/**
 * The statement that begins the row of a session.
 *
 * @param at NumericDate seconds, fractional: the moment that all its times are counted from
 */
export function insertingSession(
  given: NewSession,
  secrets: StoredSecrets,
  { ttlSeconds, idleSeconds }: SessionLifetime,
  at: number,
): Statement {
  const bytes = (value: Buffer | null) => value && `\\x${value.toString('hex')}`;
  return {
    name: 'insert_session',
    text: `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, device_name, user_agent, ip,
       sealed_secret, master_key_id, cookie_hash,
       auth_time, created_at, last_seen_at, expires_at, idle_expires_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, t, t, t, t + make_interval(secs => $12),
       least(t + make_interval(secs => $12), t + make_interval(secs => $13))
     FROM to_timestamp($14) AS t`,
    values: [
      given.sid,
      given.accountId,
      given.clientId,
      given.delivery,
      String(given.remembered),
      given.deviceName,
      given.userAgent,
      given.ip,
      bytes(secrets.sealedSecret),
      secrets.masterKeyId,
      bytes(secrets.cookieHash),
      String(ttlSeconds),
      String(idleSeconds),
      String(at),
    ],
  };
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

/** The statement that carries a session on to a generation. */
export function advancing(sid: string, generation: number, idleSeconds: number): Statement {
  return {
    name: 'advance_session',
    text: `UPDATE sessions SET generation = $2, refreshed_at = t, last_seen_at = t,
       idle_expires_at = least(expires_at, t + make_interval(secs => $3))
     FROM clock_timestamp() AS t WHERE sid = $1`,
    values: [sid, String(generation), String(idleSeconds)],
  };
}
