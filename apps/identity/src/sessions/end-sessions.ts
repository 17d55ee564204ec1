import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import type { RevocationLog } from '../revocation/revocation-log.js';
import { conditionOf } from './sessions-covered.js';
import type { SessionsCovered } from './sessions-covered.js';

/** Why a session has ended. */
export type EndReason =
  | 'logout'
  | 'ended_by_owner'
  | 'signed_in_again'
  | 'too_many_sessions'
  | 'replay'
  | 'password_changed'
  | 'password_reset'
  | 'email_changed'
  | 'role_given'
  | 'operator'
  | 'account_disabled'
  | 'account_deleted'
  | 'history_lost';

/** So many rows are changed by one statement: each must stay below the time that a statement may take. */
const PAGE_SIZE = 5_000;

/** How many live sessions these are, and of how many accounts. */
export async function countSessions(
  manager: EntityManager,
  covered: SessionsCovered,
): Promise<{ readonly accounts: number; readonly sessions: number }> {
  const { sql, values } = conditionOf(covered);
  const [row] = await manager.query<[{ accounts: number; sessions: number }]>(
    `SELECT count(*)::integer AS sessions, count(DISTINCT account_id)::integer AS accounts
     FROM sessions WHERE ${sql}`,
    [...values],
  );
  return { accounts: row.accounts, sessions: row.sessions };
}

/** Their ids, in pages. */
async function* pagesOfSessions(
  manager: EntityManager,
  covered: SessionsCovered,
): AsyncGenerator<readonly string[]> {
  const { sql, values } = conditionOf(covered);
  const cursor = `$${String(values.length + 1)}`;
  const limit = `$${String(values.length + 2)}`;
  let after: string | null = null;
  do {
    const rows: { sid: string }[] = await manager.query(
      `SELECT sid FROM sessions WHERE ${sql} AND (${cursor}::uuid IS NULL OR sid > ${cursor})
       ORDER BY sid LIMIT ${limit}`,
      [...values, after, PAGE_SIZE],
    );
    if (rows.length > 0) yield rows.map(({ sid }) => sid);
    after = rows.length < PAGE_SIZE ? null : (rows.at(-1)?.sid ?? null);
  } while (after !== null);
}

/**
 * Marks live sessions as ended by the entry at `position`, which the same transaction has written to the log, and which its
 * caller's locks keep anybody from getting past.
 *
 * @returns how many
 */
export async function endSessionsIn(
  tx: EntityManager,
  covered: SessionsCovered,
  reason: EndReason,
  { epoch, seq }: Position,
): Promise<number> {
  let ended = 0;
  for await (const sids of pagesOfSessions(tx, covered)) {
    const [, count] = await tx.query<[unknown[], number]>(
      `UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $2, ended_epoch = $3, ended_seq = $4
       WHERE sid = ANY($1) AND ended_at IS NULL`,
      [sids, reason, epoch, seq],
    );
    ended += count;
  }
  return ended;
}

/** What has ended, and the last entry that says so; without a position when there was nothing to end. */
export interface EndedEach {
  readonly sessions: number;
  readonly position: Position | undefined;
}

/** Ends live sessions by an entry for each, a few statements for thousands. The same locks as for {@link endSessionsIn}. */
export async function endEachIn(
  tx: EntityManager,
  revocations: RevocationLog,
  covered: SessionsCovered,
  reason: EndReason,
  options: { readonly receiptWanted?: boolean },
): Promise<EndedEach> {
  let ended: EndedEach = { sessions: 0, position: undefined };
  for await (const sids of pagesOfSessions(tx, covered)) {
    const entries = await revocations.appendSessions(tx, sids, options);
    await tx.query(
      `UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $3, ended_epoch = $4, ended_seq = e.seq
       FROM unnest($1::uuid[], $2::bigint[]) AS e (sid, seq)
       WHERE sessions.sid = e.sid AND ended_at IS NULL`,
      [entries.map(({ sid }) => sid), entries.map(({ seq }) => seq), reason, entries[0]?.epoch],
    );
    const last = entries.at(-1);
    ended = {
      sessions: ended.sessions + sids.length,
      position: last && { epoch: last.epoch, seq: last.seq },
    };
  }
  return ended;
}

/** Revokes live sessions by an entry for each, for a caller that deletes them or ends them itself. The same locks. */
export async function revokeEachIn(
  tx: EntityManager,
  revocations: RevocationLog,
  covered: SessionsCovered,
): Promise<void> {
  for await (const sids of pagesOfSessions(tx, covered)) await revocations.appendSessions(tx, sids);
}

/** What happens to sessions when history is lost. */
export const endAllSessions = (tx: EntityManager, at: Position): Promise<number> =>
  endSessionsIn(tx, {}, 'history_lost', at);
