import { Inject, Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { Logger } from '@countersign/service-host';
import type { EntityManager } from 'typeorm';
import { AuditLog, IDENTITY_ACTOR } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import { LOGGER } from '../platform/platform.module.js';
import { primaryLineage } from './lineage.js';
import { readLostTime } from './lost-time.js';
import type { LostTime } from './lost-time.js';
import { readHead } from './revocation-head.js';
import type { Head } from './revocation-head.js';
import { REVOCATION_CHANNEL, RevocationLog } from './revocation-log.js';

/** Why an epoch was closed. */
export type RaiseReason = 'new_system' | 'new_timeline' | 'operator' | 'report_ahead';

/** The others are noticed while identity already runs on what is left, and leaves its signs there. */
const SINCE_IS_KNOWN: ReadonlySet<RaiseReason> = new Set(['new_system', 'operator']);

/**
 * Ends what must not outlive lost history, in the transaction that raises the epoch; `at` is where the log says so.
 *
 * @returns how many sessions it has ended
 */
export type Ending = (tx: EntityManager, at: Position) => Promise<number>;

export interface RaiseOptions {
  /** Only the epoch is raised: who is signed in stays so, and tokens stay valid. */
  readonly keepSessions: boolean;
  /** The new epoch is also above this one. */
  readonly above?: number | undefined;
  /** Who does it; identity itself when left out. */
  readonly actor?: string;
  /** For the audit log. */
  readonly note?: string | undefined;
  /** Looked at under the lock: somebody else may have done it. */
  readonly unless?: (head: Head, tx: EntityManager) => Promise<boolean>;
}

/** What a new epoch begins with. */
export interface RaisedEpoch extends Position {
  readonly endedSessions: number;
  /** `undefined` when it is not known, or when there is none. */
  readonly lostTime: LostTime | undefined;
}

/** What is noted about an epoch that is over. */
interface Closing {
  readonly reason: RaiseReason;
  readonly keepSessions: boolean;
  readonly lostTime: LostTime | undefined;
}

/** Begins new epochs, each with its audit row in one transaction. When to do so is for {@link Epochs} or an operator to say. */
@Injectable()
export class EpochRaising {
  readonly #endings: Ending[] = [];

  constructor(
    private readonly database: Database,
    private readonly log: RevocationLog,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Registers what ends with lost history, besides tokens. */
  whenHistoryIsLost(ending: Ending): void {
    this.#endings.push(ending);
  }

  /**
   * Raises the epoch in one transaction.
   *
   * @returns the head of the new epoch, or `undefined` when `unless` held
   * @throws {DomainError} `database_unavailable` also when the server is a standby
   */
  async raise(reason: RaiseReason, options: RaiseOptions): Promise<RaisedEpoch | undefined> {
    const raised = await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ ...KEY_RING_LOCK, mode: 'exclusive' }]);
      const head = await readHead(tx, 'FOR UPDATE');
      if (await options.unless?.(head, tx)) return undefined;
      const epoch = Math.max(head.epoch, options.above ?? 0) + 1;
      const lostTime = SINCE_IS_KNOWN.has(reason) ? await readLostTime(tx) : undefined;
      await this.#open(tx, epoch, head, { reason, lostTime, keepSessions: options.keepSessions });
      const ended = await this.#endEverything(tx, epoch, options.keepSessions);
      const change = {
        reason,
        from: head.epoch,
        last_seq: head.seq,
        epoch,
        sessions_kept: options.keepSessions,
        sessions: ended.endedSessions,
        lost_from: lostTime?.from.toISOString(),
      };
      await this.audit.record(tx, {
        actor: options.actor ?? IDENTITY_ACTOR,
        action: 'epoch.raise',
        target: String(epoch),
        details: { ...change, note: options.note },
      });
      return { began: { ...ended, lostTime }, change };
    });
    if (!raised) return undefined;
    this.logger.error(
      raised.change,
      options.keepSessions
        ? 'the epoch of revocations was raised'
        : 'the epoch of revocations was raised: all sessions have ended and all tokens are revoked',
    );
    return raised.began;
  }

  async #open(
    tx: EntityManager,
    epoch: number,
    closed: Position,
    { reason, lostTime, keepSessions }: Closing,
  ): Promise<void> {
    const lineage = await primaryLineage(tx);
    await tx.query(
      `INSERT INTO revocation_epochs (epoch, last_seq, closed_at, reason, sessions_kept, lost_from)
       VALUES ($1, $2, clock_timestamp(), $3, $4, $5)`,
      [closed.epoch, closed.seq, reason, keepSessions, lostTime?.from],
    );
    await tx.query(
      `UPDATE revocation_head SET epoch = $1, seq = 0, system_identifier = $2, timeline = $3,
         ended_below = CASE WHEN $4 THEN ended_below ELSE $1 END`,
      [epoch, lineage.systemIdentifier, lineage.timeline, keepSessions],
    );
    await tx.query(`SELECT pg_notify($1, '')`, [REVOCATION_CHANNEL]);
  }

  async #endEverything(
    tx: EntityManager,
    epoch: number,
    keepSessions: boolean,
  ): Promise<Omit<RaisedEpoch, 'lostTime'>> {
    if (keepSessions) return { epoch, seq: 0, endedSessions: 0 };
    const { seq } = await this.log.append(tx, { kind: 'all', id: '*' });
    let endedSessions = 0;
    for (const end of this.#endings) endedSessions += await end(tx, { epoch, seq });
    return { epoch, seq, endedSessions };
  }
}
