import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { Ids } from '../platform/ids.js';

/** How long a leader that does not renew is waited for. By the clock of the database, which all replicas share. */
const LEASE = `interval '3 seconds'`;

/** Another replica leads. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** What the leader has told last. Any replica can read it. */
export interface RelayStatus {
  readonly term: number;
  readonly generation: number;
  /** The leader's id; `undefined` when nobody leads. */
  readonly holder: string | undefined;
  readonly written: Position | undefined;
  /** Seconds since the last heartbeat was written; `undefined` when there never was one. */
  readonly writtenAgeSeconds: number | undefined;
  readonly lastError: string | undefined;
}

/** The right to write to Redis: one replica at a time has it, for a term that no other ever has. */
@Injectable()
export class RelayLease {
  readonly holder: string;

  constructor(
    private readonly database: Database,
    ids: Ids,
  ) {
    this.holder = ids.uuid();
  }

  /** @returns the new term, or `undefined` while another replica holds the lease */
  take(): Promise<number | undefined> {
    return this.#change(
      `UPDATE revocation_relay SET term = term + 1, holder = $1, leased_until = clock_timestamp() + ${LEASE}
       WHERE leased_until < clock_timestamp() RETURNING term AS value`,
      [],
    );
  }

  /**
   * Holds on to the lease, and tells how it goes. A lease that has run out is still good while nobody has taken it.
   *
   * @param written what the last heartbeat covered, if one was written since the last renewal
   * @throws {Superseded} when another replica has it
   */
  async renew(term: number, written: Position | undefined, lastError?: string): Promise<void> {
    const renewed = await this.#change(
      `UPDATE revocation_relay SET leased_until = clock_timestamp() + ${LEASE}, last_error = $5,
         written_epoch = coalesce($3, written_epoch), written_seq = coalesce($4, written_seq),
         written_at = CASE WHEN $3::integer IS NULL THEN written_at ELSE clock_timestamp() END
       WHERE holder = $1 AND term = $2 RETURNING term AS value`,
      [term, written?.epoch ?? null, written?.seq ?? null, lastError ?? null],
    );
    if (renewed === undefined) throw new Superseded('another replica took the lease');
  }

  /** A term above `other`, for a leader that met it in Redis. @throws {Superseded} when another replica has the lease */
  raise(term: number, other: number): Promise<number> {
    return this.#changeOwn(
      `UPDATE revocation_relay SET term = greatest(term, $3::bigint) + 1
       WHERE holder = $1 AND term = $2 AND leased_until > clock_timestamp() RETURNING term AS value`,
      [term, other],
    );
  }

  /** The number of the next re-emission. @throws {Superseded} when another replica has the lease */
  nextGeneration(term: number): Promise<number> {
    return this.#changeOwn(
      `UPDATE revocation_relay SET generation = generation + 1
       WHERE holder = $1 AND term = $2 RETURNING generation AS value`,
      [term],
    );
  }

  /** Lets another replica take over at once. */
  async release(term: number): Promise<void> {
    await this.#change(
      `UPDATE revocation_relay SET holder = NULL, leased_until = '-infinity'
       WHERE holder = $1 AND term = $2 RETURNING term AS value`,
      [term],
    );
  }

  async status(): Promise<RelayStatus> {
    const [row] = await this.database.run((manager: EntityManager) =>
      manager.query<[StatusRow]>(
        `SELECT term, generation, CASE WHEN leased_until > clock_timestamp() THEN holder END AS holder,
           written_epoch, written_seq, extract(epoch FROM clock_timestamp() - written_at) AS age, last_error
         FROM revocation_relay`,
      ),
    );
    return {
      term: Number(row.term),
      generation: Number(row.generation),
      holder: row.holder ?? undefined,
      written:
        row.written_epoch === null
          ? undefined
          : { epoch: row.written_epoch, seq: Number(row.written_seq) },
      writtenAgeSeconds: row.age === null ? undefined : Number(row.age),
      lastError: row.last_error ?? undefined,
    };
  }

  async #changeOwn(sql: string, parameters: readonly unknown[]): Promise<number> {
    const value = await this.#change(sql, parameters);
    if (value === undefined) throw new Superseded('another replica took the lease');
    return value;
  }

  async #change(sql: string, parameters: readonly unknown[]): Promise<number | undefined> {
    const [[row]] = await this.database.run((manager: EntityManager) =>
      manager.query<[[{ value: string }?]]>(sql, [this.holder, ...parameters]),
    );
    return row && Number(row.value);
  }
}

interface StatusRow {
  readonly term: string;
  readonly generation: string;
  readonly holder: string | null;
  readonly written_epoch: number | null;
  readonly written_seq: string | null;
  readonly age: string | null;
  readonly last_error: string | null;
}
