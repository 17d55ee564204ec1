import { Injectable } from '@nestjs/common';
import type { Position, RevocationEvent, RevocationKind } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { IS_NOTED_LINEAGE } from './lineage.js';
import { toRevocationEvent } from './revocation-row.js';
import type { RevocationRow } from './revocation-row.js';

/** The channel on which replicas are told that the log has grown. */
export const REVOCATION_CHANNEL = 'countersign_revocations';

/** What concerns a token lives this much longer than it, seconds: clocks and their tolerance. */
export const EXPIRY_MARGIN_SECONDS = 120;

/** What is to be revoked. */
export interface Revocation {
  readonly kind: RevocationKind;
  readonly id: string;
  /** Somebody waits until every live instance has applied it. */
  readonly receiptWanted?: boolean;
  /** An earlier cut-off, NumericDate seconds. Without it, database time when the entry is written. */
  readonly cutoff?: number | undefined;
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
    const [[head]] = await tx.query<
      [[{ epoch: number; seq: string; now: string; lifetime: number; followed: boolean }]]
    >(
      `UPDATE revocation_head SET seq = seq + 1
       RETURNING epoch, seq, floor(extract(epoch FROM clock_timestamp()))::bigint AS now,
         longest_lifetime_seconds AS lifetime, ${IS_NOTED_LINEAGE} AS followed`,
    );
    if (!head.followed) throw notFollowedYet();
    const at = Number(head.now);
    if (cutoff !== undefined && cutoff > at) throw new DomainError('cutoff_in_future');
    const isCutoff = kind === 'sub' || kind === 'client' || kind === 'all';
    const event: RevocationEvent = {
      epoch: head.epoch,
      seq: Number(head.seq),
      kind,
      id,
      ...(isCutoff ? { cutoff: cutoff ?? at } : {}),
      expiresAt: kind === 'kid' ? null : at + head.lifetime + EXPIRY_MARGIN_SECONDS,
      at,
      ...(receiptWanted && { receiptWanted: true as const }),
    };
    await tx.query(
      `INSERT INTO revocations (epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [event.epoch, event.seq, kind, id, event.cutoff ?? null, event.expiresAt, at, receiptWanted],
    );
    await tx.query(`SELECT pg_notify($1, '')`, [REVOCATION_CHANNEL]);
    return event;
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
       SELECT epoch, before + n, 'sid', sid, now + lifetime + ${String(EXPIRY_MARGIN_SECONDS)}, now,
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

  /** @throws {DomainError} `database_unavailable` too when the server is a standby, which may lag behind */
  async head(): Promise<HeadReading> {
    const [row] = await this.database.run((manager) =>
      manager.query<[{ epoch: number; seq: string; read_at: string; standby: boolean }]>(
        `SELECT epoch, seq, extract(epoch FROM clock_timestamp()) AS read_at, pg_is_in_recovery() AS standby
         FROM revocation_head`,
      ),
    );
    if (row.standby) throw new DomainError('database_unavailable', 'the database is a standby');
    return { epoch: row.epoch, seq: Number(row.seq), readAt: Number(row.read_at) };
  }

  /** The longest that an entry can be live, seconds. */
  async longestLife(): Promise<number> {
    const [row] = await this.database.run((manager) =>
      manager.query<[{ lifetime: number }]>(
        `SELECT longest_lifetime_seconds AS lifetime FROM revocation_head`,
      ),
    );
    return row.lifetime + EXPIRY_MARGIN_SECONDS;
  }

  /** The entries up to `upTo` that never end. */
  async permanent(upTo: Position): Promise<RevocationEvent[]> {
    const rows = await this.database.run((manager) =>
      manager.query<RevocationRow[]>(
        `SELECT epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted FROM revocations
         WHERE expires_at IS NULL AND (epoch, seq) <= ($1, $2) ORDER BY epoch, seq`,
        [upTo.epoch, upTo.seq],
      ),
    );
    return rows.map(toRevocationEvent);
  }

  /**
   * The live entries after one position, up to and including another, in order; entries of earlier epochs that are still
   * in force come first.
   */
  async liveBetween(after: Position, upTo: Position, limit: number): Promise<RevocationEvent[]> {
    const rows = await this.database.run((manager) =>
      manager.query<RevocationRow[]>(
        `SELECT epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted FROM revocations
         WHERE (epoch, seq) > ($1, $2) AND (epoch, seq) <= ($3, $4)
           AND (expires_at IS NULL OR expires_at >= extract(epoch FROM now()))
         ORDER BY epoch, seq LIMIT $5`,
        [after.epoch, after.seq, upTo.epoch, upTo.seq, limit],
      ),
    );
    return rows.map(toRevocationEvent);
  }
}

function notFollowedYet(): DomainError {
  return new DomainError('database_unavailable', 'the database was changed for another: try again');
}
