import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { Database } from '../platform/database.js';
import { LOGGER } from '../platform/platform.module.js';
import { purgeInBatches } from '../platform/purge-in-batches.js';
import { RepeatedJob } from '../platform/repeated-job.js';
import { EXPIRY_MARGIN_SECONDS } from '../revocation/revocation-log.js';

const EVERY_MS = 60_000;
const LOCK = 'purge:credentials';

/** What one run has deleted. */
export interface PurgedCredentials {
  readonly sessions: number;
  readonly emailTokens: number;
  readonly accounts: number;
}

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
 * Sessions that were over so long ago. Never while a token of theirs can live, whatever the setting says. Past its absolute
 * end, a session takes no refresh token, spent or not: a replay cannot matter any more.
 */
const OVER = `clock_timestamp() - make_interval(secs => greatest($2, (
  SELECT longest_lifetime_seconds + ${String(EXPIRY_MARGIN_SECONDS)} FROM revocation_head)))`;
const ENDED_SESSIONS = `
  DELETE FROM sessions WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM sessions WHERE ended_at < ${OVER} LIMIT $1))`;
const EXPIRED_SESSIONS = `
  DELETE FROM sessions WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM sessions WHERE ended_at IS NULL AND expires_at < ${OVER} LIMIT $1))`;

/** Deletes sessions, e-mail tokens and accounts that are over: every minute, in one replica at a time. All times are the database's. */
@Injectable()
export class CredentialsPurge {
  readonly #job: RepeatedJob;

  constructor(
    private readonly config: IdentityConfig,
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

  async run(): Promise<PurgedCredentials> {
    const kept = [this.config.SESSION_RETENTION_SECONDS];
    const purge = (statement: string, more?: readonly unknown[]) =>
      purgeInBatches(this.database, LOCK, statement, more);
    return {
      sessions: (await purge(ENDED_SESSIONS, kept)) + (await purge(EXPIRED_SESSIONS, kept)),
      emailTokens: await purge(EXPIRED_EMAIL_TOKENS),
      accounts: await purge(UNVERIFIED_ACCOUNTS),
    };
  }
}
