import type { EntityManager } from 'typeorm';

/** The time of which a restored database knows nothing. */
export interface LostTime {
  readonly from: Date;
  /** Now, by the database's clock: at the latest then the lost time was over. */
  readonly to: Date;
}

/** While a replica of identity runs on a database, it leaves a sign there every second. */
const SILENT_AFTER_SECONDS = 3;

/**
 * The time since the last sign of life in this database: in one that was just restored, since its backup.
 *
 * @returns `undefined` when that cannot be told: identity runs on it, or has begun another epoch since
 */
export async function readLostTime(manager: EntityManager): Promise<LostTime | undefined> {
  const [lost] = await manager.query<LostTime[]>(
    `SELECT ticked_at AS "from", now.at AS "to" FROM check_in_clock, clock_timestamp() AS now (at)
     WHERE ticked_at < now.at - make_interval(secs => $1)
       AND NOT EXISTS (SELECT FROM revocation_epochs WHERE closed_at > ticked_at)`,
    [SILENT_AFTER_SECONDS],
  );
  return lost;
}
