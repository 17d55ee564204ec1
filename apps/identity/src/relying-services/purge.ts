import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { Database } from '../platform/database.js';
import { LOGGER } from '../platform/platform.module.js';
import { purgeInBatches } from '../platform/purge-in-batches.js';
import { RepeatedJob } from '../platform/repeated-job.js';

const EVERY_MS = 60_000;
const LOCK = 'purge:revocations';

/** What one run has deleted. */
export interface Purged {
  readonly revocations: number;
  readonly receipts: number;
  readonly instances: number;
}

/** Entries that cover no live token any more. Operators may look at their receipts for ten minutes; those of a `kid` stay for ever. */
const EXPIRED_REVOCATIONS = `
  DELETE FROM revocations WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM revocations WHERE expires_at < extract(epoch FROM clock_timestamp())::bigint - 600 LIMIT $1))`;

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

/**
 * Deletes what is over: every minute, in one replica at a time. All times are the database's.
 */
@Injectable()
export class Purge {
  readonly #job: RepeatedJob;

  constructor(
    private readonly database: Database,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#job = new RepeatedJob(
      async () => logger.debug(await this.run(), 'purged'),
      (error) => logger.warn({ err: error }, 'the purge failed'),
    );
  }

  start(everyMs = EVERY_MS): void {
    this.#job.start(everyMs);
  }

  stop(): Promise<void> {
    return this.#job.stop();
  }

  /** One run, in batches. What another replica is deleting at the moment is left to it. */
  async run(): Promise<Purged> {
    const purge = (statement: string) => purgeInBatches(this.database, LOCK, statement);
    return {
      revocations: await purge(EXPIRED_REVOCATIONS),
      receipts: await purge(OLD_RECEIPTS),
      instances: await purge(GONE_INSTANCES),
    };
  }
}
