import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';
import type { RaiseReason } from './epoch-raising.js';

/** An epoch that is over. */
export interface ClosedEpoch {
  readonly epoch: number;
  readonly lastSeq: number;
  readonly closedAt: Date;
  /** Why another one was begun. */
  readonly reason: RaiseReason;
  readonly sessionsKept: boolean;
  /** From here to the closing nothing is known; `undefined` when there is no such time, or when it is not known which. */
  readonly lostFrom: Date | undefined;
}

/** Knows the epochs that are over, for people. */
@Injectable()
export class EpochHistory {
  constructor(private readonly database: Database) {}

  /** The newest first. */
  async latest(limit: number): Promise<ClosedEpoch[]> {
    const rows = await this.database.run((manager) =>
      manager.query<
        {
          epoch: number;
          last_seq: string;
          closed_at: Date;
          reason: RaiseReason;
          sessions_kept: boolean;
          lost_from: Date | null;
        }[]
      >(
        `SELECT epoch, last_seq, closed_at, reason, sessions_kept, lost_from FROM revocation_epochs
         ORDER BY epoch DESC LIMIT $1`,
        [limit],
      ),
    );
    return rows.map((row) => ({
      epoch: row.epoch,
      lastSeq: Number(row.last_seq),
      closedAt: row.closed_at,
      reason: row.reason,
      sessionsKept: row.sessions_kept,
      lostFrom: row.lost_from ?? undefined,
    }));
  }
}
