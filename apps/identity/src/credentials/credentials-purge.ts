import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { IDENTITY_ACTOR } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Database } from '../platform/database.js';
import { LOGGER } from '../platform/platform.module.js';
import { PurgeJob } from '../platform/purge-job.js';
import { EXPIRY_MARGIN_SECONDS } from '../revocation/revocation-log.js';

// Clocks stand in sub-selects: an index is of no use against one that does not.
const EXPIRED_EMAIL_TOKENS = `
  DELETE FROM email_tokens WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM email_tokens WHERE expires_at < (SELECT clock_timestamp()) LIMIT $1))`;

/** Accounts that somebody asked for and nobody verified: no token for one can be live after seven days. A disabled one keeps its address. */
const UNVERIFIED_ACCOUNTS = `
  DELETE FROM accounts WHERE id IN (
    SELECT id FROM accounts AS a
    WHERE email_verified_at IS NULL AND disabled_at IS NULL
      AND created_at < (SELECT clock_timestamp() - interval '8 days')
      AND NOT EXISTS (SELECT FROM email_tokens AS t WHERE t.account_id = a.id AND t.expires_at > clock_timestamp())
    LIMIT $1 FOR UPDATE SKIP LOCKED)`;

/**
 * Sessions that were over so long ago. Never while a token of theirs can live, whatever the setting says. Past its absolute
 * end, a session takes no refresh token, spent or not: a replay cannot matter any more.
 */
const OVER = `(SELECT clock_timestamp() - make_interval(secs => greatest($2, (
  SELECT longest_lifetime_seconds + ${String(EXPIRY_MARGIN_SECONDS)} FROM revocation_head))))`;
const ENDED_SESSIONS = `
  DELETE FROM sessions WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM sessions WHERE ended_at < ${OVER} LIMIT $1))`;

/** Nobody has ended them, so nothing has told their owners of it yet: that goes with the row. */
const EXPIRED_SESSIONS = `
  WITH lapsed AS (
    SELECT sid, account_id, least(expires_at, idle_expires_at) AS at,
      CASE WHEN idle_expires_at < expires_at THEN 'idle' ELSE 'absolute' END AS reason
    FROM sessions WHERE ended_at IS NULL AND expires_at < ${OVER} LIMIT $1 FOR UPDATE SKIP LOCKED
  ), record AS (
    INSERT INTO audit (actor, action, target, account_id, details)
    SELECT '${IDENTITY_ACTOR}', 'session.end', sid, account_id,
      jsonb_build_object('of', 'session', 'reason', reason, 'over_since', floor(extract(epoch FROM at)))
    FROM lapsed
  )
  DELETE FROM sessions USING lapsed WHERE sessions.sid = lapsed.sid`;

/** Deletes sessions, e-mail tokens and accounts that are over. All times are the database's. */
@Injectable()
export class CredentialsPurge {
  readonly job: PurgeJob<'sessions' | 'emailTokens' | 'accounts'>;

  constructor(config: IdentityConfig, database: Database, @Inject(LOGGER) logger: Logger) {
    const values = [config.SESSION_RETENTION_SECONDS];
    const deletions = {
      sessions: [
        { statement: ENDED_SESSIONS, values },
        { statement: EXPIRED_SESSIONS, values },
      ],
      emailTokens: [{ statement: EXPIRED_EMAIL_TOKENS }],
      accounts: [{ statement: UNVERIFIED_ACCOUNTS }],
    };
    this.job = new PurgeJob(database, 'purge:credentials', deletions, logger);
  }
}
