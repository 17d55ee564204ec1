import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { Database } from '../platform/database.js';
import { LOGGER } from '../platform/platform.module.js';
import { PurgeJob } from '../platform/purge-job.js';

/** Entries that cover no live token any more. Operators may look at their receipts for ten minutes; those of a `kid` stay for ever. */
const EXPIRED_REVOCATIONS = `
  DELETE FROM revocations WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM revocations WHERE expires_at < (SELECT extract(epoch FROM clock_timestamp())::bigint - 600) LIMIT $1))`;

/** Receipts from before every entry that still expires. Entries of a `kid` do not keep them, but nothing younger than an hour goes. */
const OLD_RECEIPTS = `
  DELETE FROM receipts WHERE ctid = ANY(ARRAY(
    SELECT r.ctid FROM receipts AS r
    WHERE r.received_at < clock_timestamp() - interval '1 hour' AND NOT EXISTS (
      SELECT FROM revocations AS kept
      WHERE kept.expires_at IS NOT NULL AND (kept.epoch, kept.seq) <= (r.epoch, r.seq))
    LIMIT $1))`;

/** Instances that left, or fell silent, a day ago; their receipts go with them. */
const GONE_INSTANCES = `
  DELETE FROM relying_service_instances WHERE (service_id, instance_id) IN (
    SELECT service_id, instance_id FROM relying_service_instances, check_in_clock
    WHERE left_at < clock_timestamp() - interval '1 day'
      OR ran_ms - seen_at_ms > (hard_staleness_seconds + 15 + 86400) * 1000
    LIMIT $1)`;

/** Deletes entries, receipts and instances that are over. All times are the database's. */
@Injectable()
export class Purge {
  readonly job: PurgeJob<'revocations' | 'receipts' | 'instances'>;

  constructor(database: Database, @Inject(LOGGER) logger: Logger) {
    const deletions = {
      revocations: [{ statement: EXPIRED_REVOCATIONS }],
      receipts: [{ statement: OLD_RECEIPTS }],
      instances: [{ statement: GONE_INSTANCES }],
    };
    this.job = new PurgeJob(database, 'purge:revocations', deletions, logger);
  }
}
