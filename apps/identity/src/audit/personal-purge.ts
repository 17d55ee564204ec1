import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { Database } from '../platform/database.js';
import { LOGGER } from '../platform/platform.module.js';
import { PurgeJob } from '../platform/purge-job.js';
import { IDENTITY_ACTOR } from './audit-log.js';

/**
 * Erases what is personal in the oldest rows, with one row that says up to when (NumericDate, to the microsecond): whoever checks the
 * chain believes that of older rows. Whole days (UTC), so that a day leaves a row or a few and not one each minute. In a sub-select, since
 * an index is of no use against a clock.
 */
const OLD_PERSONAL_DETAILS = `
  WITH old AS (
    SELECT id, at FROM audit
    WHERE personal IS NOT NULL
      AND at < (SELECT date_trunc('day', clock_timestamp(), 'UTC') - make_interval(days => $2))
    ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED
  ), record AS (
    INSERT INTO audit (actor, action, details)
    SELECT '${IDENTITY_ACTOR}', 'personal.erase',
      jsonb_build_object('rows', count(*), 'up_to', extract(epoch FROM max(at)))
    FROM old HAVING count(*) > 0
  )
  UPDATE audit SET personal = NULL, personal_salt = NULL FROM old WHERE audit.id = old.id`;

/** Erases from where people acted once that is old, whoever they were. The rows stay. */
@Injectable()
export class PersonalPurge {
  readonly job: PurgeJob<'personal'>;

  constructor(config: IdentityConfig, database: Database, @Inject(LOGGER) logger: Logger) {
    const values = [config.AUDIT_PERSONAL_RETENTION_DAYS];
    const personal = [{ statement: OLD_PERSONAL_DETAILS, values }];
    this.job = new PurgeJob(database, 'purge:audit', { personal }, logger);
  }
}
