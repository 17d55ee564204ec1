import { Injectable } from '@nestjs/common';
import type { CheckInAnswer, CheckInReport } from '@countersign/token-verifier';
import { Database } from '../platform/database.js';
import { RevocationLog } from '../revocation/revocation-log.js';

/** Keeps what each instance of each relying service reports about itself. */
@Injectable()
export class CheckIns {
  constructor(
    private readonly database: Database,
    private readonly log: RevocationLog,
  ) {}

  /**
   * Stores a report, and only then reads the head that it answers with: from here on the instance is counted on, so it
   * must not miss what is committed after.
   */
  async checkIn(serviceId: string, report: CheckInReport): Promise<CheckInAnswer> {
    await this.database.run((manager) =>
      manager.query(
        `INSERT INTO relying_service_instances AS known
           (service_id, instance_id, kids, epoch, seq, proof, joined_at, last_seen_at, left_at)
         VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp(), clock_timestamp(),
           CASE WHEN $7 THEN clock_timestamp() END)
         ON CONFLICT (service_id, instance_id) DO UPDATE SET
           kids = excluded.kids, epoch = excluded.epoch, seq = excluded.seq, proof = excluded.proof,
           last_seen_at = excluded.last_seen_at, left_at = excluded.left_at,
           joined_at = CASE WHEN known.left_at IS NULL THEN known.joined_at ELSE excluded.joined_at END`,
        [
          serviceId,
          report.instanceId,
          report.kids,
          report.applied?.epoch ?? null,
          report.applied?.seq ?? null,
          report.proof ?? null,
          report.goodbye ?? false,
        ],
      ),
    );
    const { epoch, seq } = await this.log.head();
    return { head: { epoch, seq } };
  }
}
