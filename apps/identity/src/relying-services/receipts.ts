import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import { Database } from '../platform/database.js';

/** What one live instance has said about one revocation. */
export interface InstanceReceipt {
  readonly service: string;
  readonly instanceId: string;
  /** Whether it has reported the revocation, or a later one, as applied. */
  readonly applied: boolean;
  /** From the commit to the stored receipt, by the database's clock; `null` without a receipt, or when it is too old to be known. */
  readonly millis: number | null;
  /** It joined after the commit: it answers nobody before it has applied the revocation, so nobody waits for it. */
  readonly joinedLater: boolean;
}

/** Who has given a receipt for one revocation. */
export interface ReceiptsOfRevocation {
  readonly position: Position;
  /** NumericDate seconds, with a fraction. */
  readonly committedAt: number;
  /**
   * Whether no live instance accepts any more what the revocation covers. False when nobody is live: then nobody can say so;
   * and for a while after history was lost: then it is not known who is live.
   */
  readonly allApplied: boolean;
  /** By service, then by instance. */
  readonly instances: readonly InstanceReceipt[];
}

interface InstanceRow {
  readonly service_id: string;
  readonly instance_id: string;
  readonly applied: boolean;
  readonly joined_later: boolean;
  readonly millis: number | null;
}

/**
 * The receipts that instances gave by checking in. One for a position means: no `verify()` that starts in that instance
 * afterwards accepts what the revocation covers, nor in any instance of its service that becomes ready later.
 */
@Injectable()
export class Receipts {
  constructor(private readonly database: Database) {}

  /** Who has applied the revocation at `position`; `undefined` when there is none, or none any more. For operators. */
  async of(position: Position): Promise<ReceiptsOfRevocation | undefined> {
    const place = [position.epoch, position.seq];
    return this.database.transaction(async (tx) => {
      const [revocation] = await tx.query<{ committed_at: number; complete: boolean }[]>(
        `SELECT extract(epoch FROM appended_at)::float8 AS committed_at, complete
         FROM revocations, live_set_is_complete WHERE epoch = $1 AND seq = $2`,
        place,
      );
      if (!revocation) return undefined;
      const rows = await tx.query<InstanceRow[]>(
        `SELECT service_id, instance_id,
           coalesce((epoch, seq) >= ($1, $2), false) AS applied,
           coalesce((joined_epoch, joined_seq) >= ($1, $2), false) AS joined_later,
           (SELECT round(extract(epoch FROM min(received_at)) * 1000 - $3::float8 * 1000)::float8 FROM receipts
            WHERE (service_id, instance_id) = (live.service_id, live.instance_id) AND (epoch, seq) >= ($1, $2)) AS millis
         FROM live_instances AS live ORDER BY service_id, instance_id`,
        [...place, revocation.committed_at],
      );
      const instances = rows.map(toReceipt);
      const allApplied =
        revocation.complete &&
        instances.length > 0 &&
        instances.every(({ applied, joinedLater }) => applied || joinedLater);
      return { position, committedAt: revocation.committed_at, allApplied, instances };
    });
  }

  /**
   * How far every live instance has come: each revocation up to there has all its receipts. `undefined` when nobody is live, or when
   * it is not known who is.
   *
   * Speaks of a revocation only when it is asked after that was committed: before, somebody may have been about to join.
   */
  async reachedByAll(): Promise<Position | undefined> {
    const [behind] = await this.database.run((manager) =>
      manager.query<{ epoch: number; seq: string }[]>(
        `SELECT coalesce(reached.epoch, 0) AS epoch, coalesce(reached.seq, 0) AS seq
         FROM live_instances AS live, LATERAL (
           SELECT epoch, seq FROM (VALUES (live.epoch, live.seq), (live.joined_epoch, live.joined_seq)) AS v (epoch, seq)
           ORDER BY epoch DESC NULLS LAST, seq DESC LIMIT 1) AS reached
         WHERE (SELECT complete FROM live_set_is_complete)
         ORDER BY 1, 2 LIMIT 1`,
      ),
    );
    return behind && { epoch: behind.epoch, seq: Number(behind.seq) };
  }
}

function toReceipt(row: InstanceRow): InstanceReceipt {
  return {
    service: row.service_id,
    instanceId: row.instance_id,
    applied: row.applied,
    millis: row.joined_later ? null : row.millis,
    joinedLater: row.joined_later,
  };
}
