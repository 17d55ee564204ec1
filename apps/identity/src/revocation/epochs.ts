import { Inject, Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { Logger } from '@countersign/service-host';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import { LOGGER } from '../platform/platform.module.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { claimsLostHistory } from './known-history.js';
import type { KnownHistory } from './known-history.js';
import { compareLineage, readLineage } from './lineage.js';
import type { Lineage } from './lineage.js';
import { REVOCATION_CHANNEL, RevocationLog } from './revocation-log.js';

/** Why an epoch was closed. */
export type RaiseReason = 'new_system' | 'new_timeline' | 'operator' | 'report_ahead';

/** Ends what must not outlive lost history, in the transaction that raises the epoch; `at` is where the log says so. */
export type Ending = (tx: EntityManager, at: Position) => Promise<void>;

interface Head extends Position {
  readonly lineage: Lineage | undefined;
  readonly endedBelow: number;
}

/**
 * Raises the epoch when history was lost or rewritten: revocations may be missing then, so that by default every session ends
 * and everything before now is revoked.
 */
@Injectable()
export class Epochs {
  readonly #endings: Ending[] = [];

  constructor(
    private readonly database: Database,
    private readonly log: RevocationLog,
    private readonly proof: HeartbeatProof,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Registers what ends with lost history, besides tokens. */
  whenHistoryIsLost(ending: Ending): void {
    this.#endings.push(ending);
  }

  /**
   * Compares the database with the one that the log was written in, and raises the epoch when it is another: a promoted
   * standby keeps its sessions (what it lost, reports of verifiers will show), a restored copy does not.
   *
   * @throws {DomainError} `database_unavailable` when the server is a standby: nothing may be said from it
   */
  async follow(): Promise<void> {
    const { known, now } = await this.database.run(async (manager) => ({
      known: (await readHead(manager)).lineage,
      now: await primaryLineage(manager),
    }));
    const change = compareLineage(known, now);
    if (change === 'first') await this.#noteLineage(now);
    if (change === 'new_timeline' || change === 'new_system') {
      await this.raise(change, {
        keepSessions: change === 'new_timeline',
        unless: ({ lineage }) => Promise.resolve(compareLineage(lineage, now) === 'same'),
      });
    }
  }

  /**
   * Whether a report can be believed. A position that this history never reached means that history was lost, if the report
   * carries the proof of a heartbeat that was never sent in it; then the epoch is raised. Without such proof it is an alarm only.
   *
   * @param head read from the primary after the report came
   */
  async believes(
    {
      applied,
      proof,
    }: { readonly applied?: Position | undefined; readonly proof?: string | undefined },
    head: Position,
  ): Promise<boolean> {
    const proven = proof === undefined ? undefined : this.proof.read(proof);
    const inDoubt = [proven, applied].filter(
      (position) => position && (position.epoch !== head.epoch || position.seq > head.seq),
    );
    let ahead = false;
    for (const position of inDoubt) {
      if (!position) continue;
      if (!(await this.database.run((manager) => this.#isLost(manager, position)))) continue;
      ahead = true;
      if (position === proven) {
        await this.raise('report_ahead', {
          keepSessions: false,
          above: proven.epoch,
          unless: async (_head, tx) => !(await this.#isLost(tx, proven)),
        });
        return false;
      }
    }
    return !ahead;
  }

  /**
   * Raises the epoch in one transaction.
   *
   * @param options.above the new epoch is also above this one
   * @param options.unless looked at under the lock: somebody else may have done it
   * @returns the head of the new epoch, or `undefined` when `unless` held
   */
  async raise(
    reason: RaiseReason,
    options: {
      readonly keepSessions: boolean;
      readonly above?: number;
      readonly unless?: (head: Head, tx: EntityManager) => Promise<boolean>;
    },
  ): Promise<Position | undefined> {
    const raised = await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ ...KEY_RING_LOCK, mode: 'exclusive' }]);
      const head = await readHead(tx, 'FOR UPDATE');
      if (await options.unless?.(head, tx)) return undefined;
      const epoch = Math.max(head.epoch, options.above ?? 0) + 1;
      await this.#open(tx, epoch, head, reason, options.keepSessions);
      return {
        before: head,
        epoch,
        seq: await this.#endEverything(tx, epoch, options.keepSessions),
      };
    });
    if (!raised) return undefined;
    const { before, epoch, seq } = raised;
    this.logger.error(
      {
        reason,
        from: before.epoch,
        last_seq: before.seq,
        epoch,
        sessions_kept: options.keepSessions,
      },
      options.keepSessions
        ? 'the epoch of revocations was raised'
        : 'the epoch of revocations was raised: all sessions have ended and all tokens are revoked',
    );
    return { epoch, seq };
  }

  async #open(
    tx: EntityManager,
    epoch: number,
    closed: Position,
    reason: RaiseReason,
    keepSessions: boolean,
  ): Promise<void> {
    const lineage = await primaryLineage(tx);
    await tx.query(
      `INSERT INTO revocation_epochs (epoch, last_seq, closed_at, reason, sessions_kept)
       VALUES ($1, $2, clock_timestamp(), $3, $4)`,
      [closed.epoch, closed.seq, reason, keepSessions],
    );
    await tx.query(
      `UPDATE revocation_head SET epoch = $1, seq = 0, system_identifier = $2, timeline = $3,
         ended_below = CASE WHEN $4 THEN ended_below ELSE $1 END`,
      [epoch, lineage.systemIdentifier, lineage.timeline, keepSessions],
    );
    await tx.query(`SELECT pg_notify($1, '')`, [REVOCATION_CHANNEL]);
  }

  /** @returns the head that the new epoch begins with */
  async #endEverything(tx: EntityManager, epoch: number, keepSessions: boolean): Promise<number> {
    if (keepSessions) return 0;
    const { seq } = await this.log.append(tx, { kind: 'all', id: '*' });
    for (const end of this.#endings) await end(tx, { epoch, seq });
    return seq;
  }

  async #isLost(manager: EntityManager, position: Position): Promise<boolean> {
    return claimsLostHistory(position, await readKnownHistory(manager, position.epoch));
  }

  async #noteLineage({ systemIdentifier, timeline }: Lineage): Promise<void> {
    await this.database.run((manager) =>
      manager.query(
        `UPDATE revocation_head SET system_identifier = $1, timeline = $2 WHERE system_identifier IS NULL`,
        [systemIdentifier, timeline],
      ),
    );
  }
}

async function primaryLineage(manager: EntityManager): Promise<Lineage> {
  const lineage = await readLineage(manager);
  if (!lineage) throw new DomainError('database_unavailable', 'the database is a standby');
  return lineage;
}

async function readHead(manager: EntityManager, lock: '' | 'FOR UPDATE' = ''): Promise<Head> {
  const [row] = await manager.query<
    [
      {
        epoch: number;
        seq: string;
        ended_below: number;
        system_identifier: string | null;
        timeline: string | null;
      },
    ]
  >(`SELECT epoch, seq, ended_below, system_identifier, timeline FROM revocation_head ${lock}`);
  const { system_identifier: systemIdentifier, timeline } = row;
  return {
    epoch: row.epoch,
    seq: Number(row.seq),
    endedBelow: row.ended_below,
    lineage:
      systemIdentifier === null ? undefined : { systemIdentifier, timeline: Number(timeline) },
  };
}

async function readKnownHistory(manager: EntityManager, epoch: number): Promise<KnownHistory> {
  const [row] = await manager.query<
    [{ epoch: number; seq: string; ended_below: number; last_seq: string | null }]
  >(
    `SELECT head.epoch, head.seq, head.ended_below, closed.last_seq
     FROM revocation_head AS head LEFT JOIN revocation_epochs AS closed ON closed.epoch = $1`,
    [epoch],
  );
  return {
    head: { epoch: row.epoch, seq: Number(row.seq) },
    endedBelow: row.ended_below,
    closedAt: row.last_seq === null ? undefined : Number(row.last_seq),
  };
}
