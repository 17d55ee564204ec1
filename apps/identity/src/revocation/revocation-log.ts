import { Injectable } from '@nestjs/common';
import type { Position, RevocationEvent, RevocationKind } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { Database, prepared } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { IS_NOTED_LINEAGE } from './lineage.js';
import { toRevocationEvent } from './revocation-row.js';
import type { RevocationRow } from './revocation-row.js';

/** The channel on which replicas are told that the log has grown. */
export const REVOCATION_CHANNEL = 'countersign_revocations';

/** What concerns a token lives this much longer than it, seconds: clocks and their tolerance. */
export const EXPIRY_MARGIN_SECONDS = 120;

/** How far a cut-off may lie ahead: whom it covers gets no token meanwhile, and verifiers believe no more (`event-bounds.ts`). */
const MAX_LEAD_SECONDS = 60;

/** The latest time is noted every second, by replicas that may be slow: tokens of so many seconds after it may exist. */
const NOTED_WITHIN_SECONDS = 2;

/** What is to be revoked. */
export interface Revocation {
  readonly kind: RevocationKind;
  readonly id: string;
  /** Somebody waits until every live instance has applied it. */
  readonly receiptWanted?: boolean;
  /**
   * An earlier cut-off, NumericDate seconds. Without it, one that covers every token issued until now: database time when the
   * entry is written, or the latest that it ever was if it was set back since, {@link MAX_LEAD_SECONDS} ahead at most. `now` is that
   * time as it is, where the same tokens are revoked by their sessions too and people are to sign in again at once.
   */
  readonly cutoff?: number | 'now' | undefined;
}

/** The head of the log as read from the primary, with the database's time of the read (NumericDate, fractional). */
export interface HeadReading extends Position {
  readonly readAt: number;
}

/** SQL for the latest cut-off that covers a token of this subject and client, given as SQL for texts; `null` without one. */
export const latestCutoff = (sub: string, clientId: string): string =>
  `(SELECT max(cutoff) FROM revocations
    WHERE cutoff IS NOT NULL AND (kind, id) IN (('sub', ${sub}), ('client', ${clientId}), ('all', '*')))`;

/** The log of revocations: the truth from which every channel is fed. */
@Injectable()
export class RevocationLog {
  constructor(private readonly database: Database) {}

  /**
   * Remembers the longest access-token lifetime ever in force: entries must outlive tokens that were issued under
   * earlier settings.
   */
  async noteLifetime(seconds: number): Promise<void> {
    await this.database.run((manager) =>
      manager.query(
        `UPDATE revocation_head SET longest_lifetime_seconds = $1 WHERE longest_lifetime_seconds < $1`,
        [seconds],
      ),
    );
  }

  /**
   * Appends an entry in the transaction that ends the thing, with the exclusive locks of what is ended held and nothing to
   * wait for afterwards: the head row stays locked until the commit, which gives `seq` its order without holes.
   *
   * @throws {DomainError} `cutoff_in_future`; `database_unavailable` too when the server is another one than the log was
   *   written in, and the epoch was not raised yet: its positions may have been given away before
   */
  async append(tx: EntityManager, revocation: Revocation): Promise<RevocationEvent> {
    const { kind, id, cutoff, receiptWanted = false } = revocation;
    const isCutoff = kind === 'sub' || kind === 'client' || kind === 'all';
    const [row] = await prepared<RevocationRow & { followed: boolean; in_future: boolean }>(tx, {
      name: 'append_revocation',
      text: `WITH head AS (
          UPDATE revocation_head SET seq = seq + 1
          RETURNING epoch, seq, longest_lifetime_seconds AS lifetime,
            floor(extract(epoch FROM clock_timestamp()))::bigint AS now, ${IS_NOTED_LINEAGE} AS followed
        ), entry AS (
          INSERT INTO revocations (epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted)
          SELECT epoch, seq, $1, $2, CASE WHEN $3 THEN coalesce($4, now + ${LEAD_OF_TOKENS}) END,
            CASE WHEN $1 <> 'kid' THEN ${LATEST_TOKEN} + lifetime + ${String(EXPIRY_MARGIN_SECONDS)} END, now, $5
          FROM head RETURNING epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted
        )
        SELECT entry.*, head.followed, coalesce($4 > head.now, false) AS in_future,
          pg_notify('${REVOCATION_CHANNEL}', '')
        FROM entry, head`,
      values: [
        kind,
        id,
        isCutoff,
        typeof cutoff === 'number' ? cutoff : null,
        receiptWanted,
        cutoff === 'now' ? 0 : MAX_LEAD_SECONDS,
      ],
    });
    if (!row?.followed) throw notFollowedYet();
    if (row.in_future) throw new DomainError('cutoff_in_future');
    return toRevocationEvent(row);
  }

  /**
   * Appends an entry for each of these sessions, like {@link append}, in two statements for all of them.
   *
   * @returns where each stands, in order; `receiptWanted` says that somebody waits for the last
   */
  async appendSessions(
    tx: EntityManager,
    sids: readonly string[],
    { receiptWanted = false }: Pick<Revocation, 'receiptWanted'> = {},
  ): Promise<(Position & { readonly sid: string })[]> {
    const rows = await tx.query<{ epoch: number; seq: string; sid: string }[]>(
      `WITH head AS (
         UPDATE revocation_head SET seq = seq + cardinality($1::text[])
         RETURNING epoch, seq - cardinality($1::text[]) AS before, longest_lifetime_seconds AS lifetime,
           floor(extract(epoch FROM clock_timestamp()))::bigint AS now, ${IS_NOTED_LINEAGE} AS followed
       )
       INSERT INTO revocations (epoch, seq, kind, id, expires_at, at, receipt_wanted)
       SELECT epoch, before + n, 'sid', sid, ${LATEST_TOKEN} + lifetime + ${String(EXPIRY_MARGIN_SECONDS)}, now,
         $2 AND n = cardinality($1::text[])
       FROM head, unnest($1::text[]) WITH ORDINALITY AS ended (sid, n) WHERE followed
       RETURNING epoch, seq, id AS sid`,
      [sids, receiptWanted],
    );
    if (rows.length < sids.length) throw notFollowedYet();
    await tx.query(`SELECT pg_notify($1, '')`, [REVOCATION_CHANNEL]);
    return rows
      .map(({ epoch, seq, sid }) => ({ epoch, seq: Number(seq), sid }))
      .sort((a, b) => a.seq - b.seq);
  }

  /** The latest cut-off that covers a token of this subject and client, or `undefined`. NumericDate seconds. */
  async cutoffFor(tx: EntityManager, sub: string, clientId: string): Promise<number | undefined> {
    const [row] = await tx.query<[{ cutoff: string | null }]>(
      `SELECT ${latestCutoff('$1', '$2')} AS cutoff`,
      [sub, clientId],
    );
    return row.cutoff === null ? undefined : Number(row.cutoff);
  }

  /** @throws {DomainError} `database_unavailable` too when the server is not the primary that the log is written in */
  async head(): Promise<HeadReading> {
    const [row] = await this.database.run((manager) =>
      manager.query<[HeadRow]>(`SELECT ${HEAD_COLUMNS} FROM revocation_head`),
    );
    return toHead(row);
  }

  /** The longest that an entry can be live, seconds. Same errors as {@link head}. */
  async longestLife(): Promise<number> {
    const [row] = await this.database.run((manager) =>
      manager.query<[HeadRow & { lifetime: string }]>(
        `SELECT ${HEAD_COLUMNS}, longest_lifetime_seconds + ${LATEST_TOKEN} - now AS lifetime
         FROM revocation_head, (SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS now) AS clock`,
      ),
    );
    requirePrimary(row);
    return Number(row.lifetime) + EXPIRY_MARGIN_SECONDS;
  }

  /** The entries up to `upTo` that never end. Same errors as {@link head}. */
  async permanent(upTo: Position): Promise<RevocationEvent[]> {
    const rows = await this.database.run((manager) =>
      manager.query<JoinedRow[]>(
        `SELECT head.*, entry.* FROM (SELECT ${HEAD_COLUMNS} FROM revocation_head) AS head
         LEFT JOIN (
           SELECT epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted FROM revocations
           WHERE expires_at IS NULL AND (epoch, seq) <= ($1, $2)
         ) AS entry ON true
         ORDER BY entry.epoch, entry.seq`,
        [upTo.epoch, upTo.seq],
      ),
    );
    return toPage(rows).events;
  }

  /**
   * The head, and the live entries after `after` in order; entries of earlier epochs that are still in force come first. All as of
   * one instant: behind a proxy the next statement may reach a standby, which lacks entries below this head. Same errors as
   * {@link head}.
   *
   * @param upTo default: the head
   */
  async read(after: Position, limit: number, upTo?: Position): Promise<LogPage> {
    const rows = await this.database.run((manager) =>
      prepared<JoinedRow>(manager, {
        name: 'read_revocations',
        text: `SELECT head.*, entry.* FROM (SELECT ${HEAD_COLUMNS} FROM revocation_head) AS head
          LEFT JOIN LATERAL (
            SELECT epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted FROM revocations
            WHERE (epoch, seq) > ($1, $2)
              AND (epoch, seq) <= (coalesce($3, head_epoch), coalesce($4, head_seq))
              AND (expires_at IS NULL OR expires_at >= extract(epoch FROM now()))
            ORDER BY epoch, seq LIMIT $5
          ) AS entry ON true
          ORDER BY entry.epoch, entry.seq`,
        values: [after.epoch, after.seq, upTo?.epoch ?? null, upTo?.seq ?? null, limit],
      }),
    );
    return toPage(rows);
  }

  /**
   * The live entries after `after` up to `upTo`, in order, a page at a time, so that however much happened at once no more is in
   * memory. Same errors as {@link head}.
   *
   * @param first the first page, where {@link read} has given it already
   */
  async *pages(
    after: Position,
    upTo: Position,
    limit: number,
    first?: readonly RevocationEvent[],
  ): AsyncGenerator<readonly RevocationEvent[]> {
    for (let from = after, page = first; ; page = undefined) {
      page ??= (await this.read(from, limit, upTo)).events;
      const last = page.at(-1);
      if (!last) return;
      yield page;
      if (page.length < limit) return;
      from = last;
    }
  }
}

/** The head of the log, and entries below it. */
export interface LogPage {
  readonly head: HeadReading;
  readonly events: RevocationEvent[];
}

/** SQL: by how many seconds tokens may have been issued ahead of `now`, up to `$6`; only when the clock was set back. */
const LEAD_OF_TOKENS = `(SELECT CASE WHEN noted > now THEN least(noted - now + ${String(NOTED_WITHIN_SECONDS)}, $6) ELSE 0 END
  FROM (SELECT floor(extract(epoch FROM highest_at))::bigint AS noted FROM check_in_clock) AS clock)`;

/** SQL: when the latest token was issued, at most: `now`, or what the clock has shown before it was set back. */
const LATEST_TOKEN = `(SELECT greatest(now, floor(extract(epoch FROM highest_at))::bigint) FROM check_in_clock)`;

/** SQL: the head as the server that answers has it, and whether that is the primary which the log is written in. */
const HEAD_COLUMNS = `epoch AS head_epoch, seq AS head_seq, extract(epoch FROM clock_timestamp()) AS read_at,
  pg_is_in_recovery() AS standby, CASE WHEN NOT pg_is_in_recovery() THEN ${IS_NOTED_LINEAGE} END AS followed`;

interface HeadRow {
  readonly head_epoch: number;
  readonly head_seq: string;
  readonly read_at: string;
  readonly standby: boolean;
  readonly followed: boolean | null;
}

/** Where there is no entry, its columns are null. */
type JoinedRow = HeadRow & (RevocationRow | { readonly epoch: null });

function requirePrimary({ standby, followed }: HeadRow): void {
  if (standby) throw new DomainError('database_unavailable', 'the database is a standby');
  if (!followed) throw notFollowedYet();
}

function toHead(row: HeadRow): HeadReading {
  requirePrimary(row);
  return { epoch: row.head_epoch, seq: Number(row.head_seq), readAt: Number(row.read_at) };
}

function toPage(rows: readonly JoinedRow[]): LogPage {
  const [first] = rows;
  if (!first) throw new TypeError('there is no head of the log of revocations');
  const events = rows.flatMap((row) => (row.epoch === null ? [] : [toRevocationEvent(row)]));
  return { head: toHead(first), events };
}

function notFollowedYet(): DomainError {
  return new DomainError(
    'database_unavailable',
    'the database was changed for another: identity follows, or run "countersign epoch raise"',
  );
}
