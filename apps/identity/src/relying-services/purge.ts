import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { LOGGER } from '../platform/platform.module.js';

const EVERY_MS = 60_000;
/** Rows that one statement deletes at most: it must end long before a statement is given up on. */
const BATCH = 5_000;
/** Batches in one run; what is left waits for the next. */
const MAX_BATCHES = 20;
const LOCK = 'purge:revocations';

/** What one run has deleted. */
export interface Purged {
  readonly revocations: number;
  readonly receipts: number;
  readonly instances: number;
  readonly emailTokens: number;
  readonly accounts: number;
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

const EXPIRED_EMAIL_TOKENS = `
  DELETE FROM email_tokens WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM email_tokens WHERE expires_at < clock_timestamp() LIMIT $1))`;

/** Accounts that somebody asked for and nobody verified: no token for one can be live after seven days. A disabled one keeps its address. */
const UNVERIFIED_ACCOUNTS = `
  DELETE FROM accounts WHERE id IN (
    SELECT id FROM accounts AS a
    WHERE email_verified_at IS NULL AND disabled_at IS NULL AND created_at < clock_timestamp() - interval '8 days'
      AND NOT EXISTS (SELECT FROM email_tokens AS t WHERE t.account_id = a.id AND t.expires_at > clock_timestamp())
    LIMIT $1 FOR UPDATE SKIP LOCKED)`;

/**
 * Deletes what is over: every minute, in one replica at a time. All times are the database's.
 */
@Injectable()
export class Purge {
  #repeating: NodeJS.Timeout | undefined;
  #running: Promise<unknown> | undefined;

  constructor(
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(everyMs = EVERY_MS): void {
    this.#repeating = setInterval(() => this.#runUnlessRunning(), everyMs);
    this.#repeating.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#repeating);
    await this.#running;
  }

  /** One run, in batches. What another replica is deleting at the moment is left to it. */
  async run(): Promise<Purged> {
    return {
      revocations: await this.#purge(EXPIRED_REVOCATIONS),
      receipts: await this.#purge(OLD_RECEIPTS),
      instances: await this.#purge(GONE_INSTANCES),
      emailTokens: await this.#purge(EXPIRED_EMAIL_TOKENS),
      accounts: await this.#purge(UNVERIFIED_ACCOUNTS),
    };
  }

  async #purge(statement: string): Promise<number> {
    let total = 0;
    for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
      const deleted = await this.database.transaction((tx) => deleteBatch(tx, statement));
      total += deleted;
      if (deleted < BATCH) break;
    }
    return total;
  }

  #runUnlessRunning(): void {
    this.#running ??= this.run()
      .then((purged) => this.logger.debug(purged, 'purged'))
      .catch((error: unknown) => this.logger.warn({ err: error }, 'the purge failed'))
      .finally(() => (this.#running = undefined));
  }
}

async function deleteBatch(tx: EntityManager, statement: string): Promise<number> {
  const [lock] = await tx.query<[{ mine: boolean }]>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS mine`,
    [LOCK],
  );
  if (!lock.mine) return 0;
  const [, deleted] = await tx.query<[unknown[], number]>(statement, [BATCH]);
  return deleted;
}
