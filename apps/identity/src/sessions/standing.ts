import type { EntityManager } from 'typeorm';
import type { TokenSubject } from '../access-tokens/claims.js';
import { mintFactColumns } from '../access-tokens/mint-facts.js';
import type { MintFacts } from '../access-tokens/mint-facts.js';
import { scopesOf } from '../accounts/roles.js';
import type { Role } from '../accounts/roles.js';
import { prepared } from '../platform/database.js';
import type { Statement } from '../platform/database.js';
import { KEY_RING_LOCK, lockColumns, tryingLock } from '../platform/locks.js';
import type { Lock, NamedLock } from '../platform/locks.js';
import type { Session } from './session.js';
import type { StoredSecrets } from './session-secrets.js';

/** Everything that decides what may still be issued for a session. Instants are NumericDate seconds, fractional. */
export interface Standing
  extends MintFacts, StoredSecrets, Pick<Session, 'sid' | 'accountId' | 'clientId'> {
  readonly delivery: Session['delivery'];
  readonly remembered: boolean;
  readonly deviceName: string | null;
  readonly generation: number;
  /** Seconds since the generation went up; `null` when it never has. */
  readonly sinceRefresh: number | null;
  /** Seconds since anybody has noted that the session was used. */
  readonly sinceSeen: number;
  readonly authTime: number;
  /** Over at this moment in any case, and at that one unless it is used before. */
  readonly endsAt: number;
  readonly idleEndsAt: number;
  readonly now: number;
  readonly endedAt: number | null;
  readonly roles: Role[];
  readonly accountDisabled: boolean;
}

export type SessionState = 'live' | 'ended' | 'expired';

const SESSION_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Whether a text can be the id of a session. */
export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/**
 * The statement that takes the locks for issuing something for a session, in their order; client and account are found in its row
 * and never change. Takes none when there is no such session.
 *
 * @param mode of the session's own lock
 * @throws {TypeError} when `sid` is not spelt as one
 */
export function lockingStanding(sid: string, mode: Lock['mode']): string {
  if (!isSessionId(sid)) throw new TypeError('not the id of a session');
  return `SELECT ${lockColumns(standingLocks(mode))} FROM sessions WHERE sid = '${sid}'`;
}

const standingLocks = (mode: Lock['mode']): readonly NamedLock[] => [
  { resource: 'client', idExpression: 'client_id', mode: 'shared' },
  {
    resource: KEY_RING_LOCK.resource,
    idExpression: `'${KEY_RING_LOCK.id}'::text`,
    mode: 'shared',
  },
  { resource: 'account', idExpression: 'account_id::text', mode: 'shared' },
  { resource: 'session', idExpression: 'sid::text', mode },
];

/**
 * The statement that takes those locks for many sessions where it need not wait for them, and says for which: `sid`, `locked`. What it
 * holds without having all of a session's is of no use to anybody, and goes with the transaction.
 *
 * @throws {TypeError} when one of `sids` is not spelt as one
 */
export function tryingStandings(sids: readonly string[]): string {
  const locks = standingLocks('exclusive').map(tryingLock).join(' AND ');
  return `SELECT sid, ${locks} AS locked FROM sessions WHERE sid = ANY('${listOf(sids)}')`;
}

/** How {@link tryingStandings} answers. */
export interface LockedStanding {
  readonly sid: string;
  readonly locked: boolean;
}

/** A list of ids, as Postgres spells an array. */
function listOf(sids: readonly string[]): string {
  if (!sids.every(isSessionId)) throw new TypeError('not the id of a session');
  return `{${sids.join(',')}}`;
}

/** One column of JSON, which costs the serving process less to read than a row of thirty. */
const READ_STANDINGS = `SELECT row_to_json(standing) AS standing FROM (
  SELECT s.sid, s.account_id AS "accountId", s.client_id AS "clientId", s.delivery, s.remembered,
    s.device_name AS "deviceName", s.generation, encode(s.sealed_secret, 'base64') AS "sealedSecret",
    s.master_key_id AS "masterKeyId", encode(s.cookie_hash, 'base64') AS "cookieHash",
    extract(epoch FROM clock_timestamp() - s.refreshed_at)::float8 AS "sinceRefresh",
    extract(epoch FROM clock_timestamp() - s.last_seen_at)::float8 AS "sinceSeen",
    extract(epoch FROM s.auth_time)::float8 AS "authTime",
    extract(epoch FROM s.expires_at)::float8 AS "endsAt",
    extract(epoch FROM least(s.expires_at, s.idle_expires_at))::float8 AS "idleEndsAt",
    extract(epoch FROM clock_timestamp())::float8 AS now,
    extract(epoch FROM s.ended_at)::float8 AS "endedAt",
    a.roles, a.disabled_at IS NOT NULL AS "accountDisabled",
    ${mintFactColumns('s.account_id::text', 's.client_id')}
  FROM sessions AS s JOIN accounts AS a ON a.id = s.account_id
  WHERE s.sid = ANY($1::uuid[])) AS standing`;

/** How {@link readingStandings} answers. */
interface StandingRow {
  readonly standing: Omit<Standing, 'sealedSecret' | 'cookieHash'> &
    Readonly<Record<'sealedSecret' | 'cookieHash', string | null>>;
}

/** What the rows of {@link readingStandings} say, in any order; nothing of a session that there is not. */
export function standingsIn(rows: readonly object[]): Standing[] {
  const bytes = (base64: string | null) => base64 && Buffer.from(base64, 'base64');
  return rows.map((row) => {
    const { standing } = row as StandingRow;
    return {
      ...standing,
      sealedSecret: bytes(standing.sealedSecret) || null,
      cookieHash: bytes(standing.cookieHash) || null,
    };
  });
}

/** Reads them; under the locks when something is to be issued. */
export const readingStandings = (...sids: string[]): Statement => ({
  name: 'session_standings',
  text: READ_STANDINGS,
  values: [listOf(sids)],
});

/** The same in a transaction that has begun. */
export async function readStanding(tx: EntityManager, sid: string): Promise<Standing | undefined> {
  const [standing] = standingsIn(await prepared(tx, readingStandings(sid)));
  return standing;
}

/** Whether a session is one still, by the database's time. */
export function stateOf({
  endedAt,
  accountDisabled,
  idleEndsAt,
  now,
}: Pick<Standing, 'endedAt' | 'accountDisabled' | 'idleEndsAt' | 'now'>): SessionState {
  if (endedAt !== null || accountDisabled) return 'ended';
  return idleEndsAt > now ? 'live' : 'expired';
}

/** Whom a token of this session speaks for. It lives until `expiresAt` at most. */
export function subjectOf(standing: Standing, expiresAt = standing.idleEndsAt): TokenSubject {
  const { sid, accountId, clientId, roles, authTime } = standing;
  return {
    sub: accountId,
    client: { id: clientId },
    scopes: scopesOf(roles),
    roles,
    session: { sid, authTime, expiresAt },
  };
}
