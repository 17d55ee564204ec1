import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';

/** Why a session has ended. */
export type EndReason = 'logout' | 'operator' | 'account_disabled' | 'history_lost';

/** So many rows are changed by one statement: each must stay below the time that a statement may take. */
const PAGE_SIZE = 5_000;

/** Which live sessions; what is left out is not asked about. */
export interface SessionsCovered {
  readonly accountId?: string | undefined;
  readonly clientId?: string | undefined;
  /** Only those that began up to and including this second, NumericDate. */
  readonly begunUpTo?: number | undefined;
}

const COVERED = `ended_at IS NULL AND expires_at > clock_timestamp()
  AND ($1::text IS NULL OR account_id::text = $1) AND ($2::text IS NULL OR client_id = $2)
  AND ($3::bigint IS NULL OR created_at < to_timestamp($3 + 1))`;
const asked = ({ accountId, clientId, begunUpTo }: SessionsCovered) => [
  accountId ?? null,
  clientId ?? null,
  begunUpTo ?? null,
];

/** How many live sessions these are, and of how many accounts. */
export async function countSessions(
  manager: EntityManager,
  covered: SessionsCovered,
): Promise<{ readonly accounts: number; readonly sessions: number }> {
  const [row] = await manager.query<[{ accounts: number; sessions: number }]>(
    `SELECT count(*)::integer AS sessions, count(DISTINCT account_id)::integer AS accounts
     FROM sessions WHERE ${COVERED}`,
    asked(covered),
  );
  return { accounts: row.accounts, sessions: row.sessions };
}

/** Their ids, in pages. */
export async function* pagesOfSessions(
  manager: EntityManager,
  covered: SessionsCovered,
): AsyncGenerator<readonly string[]> {
  let after: string | null = null;
  do {
    const rows: { sid: string }[] = await manager.query(
      `SELECT sid FROM sessions WHERE ${COVERED} AND ($4::uuid IS NULL OR sid > $4) ORDER BY sid LIMIT $5`,
      [...asked(covered), after, PAGE_SIZE],
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

/** What happens to sessions when history is lost. */
export const endAllSessions = (tx: EntityManager, at: Position): Promise<number> =>
  endSessionsIn(tx, {}, 'history_lost', at);
