import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import type { EntityManager } from 'typeorm';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import type { PersonalDetails } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Database } from '../platform/database.js';
import { takeLocks } from '../platform/locks.js';
import { LOGGER } from '../platform/platform.module.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { endEachIn } from './end-sessions.js';
import type { BegunSession } from './new-sessions.js';

/** So many at most are ended by one sign-in, however far the account is past its limit: the head of the log is held for a moment only. */
const MOST_AT_ONCE = 20;

/** Those of an account past the first `$2`, the ones that were not used for longest. */
const SURPLUS = `
  WITH live AS (
    SELECT sid, last_seen_at FROM sessions
    WHERE account_id = $1 AND ended_at IS NULL AND least(expires_at, idle_expires_at) > clock_timestamp())
  SELECT sid FROM live ORDER BY last_seen_at, sid
  LIMIT least($3::bigint, greatest(0, (SELECT count(*) FROM live) - $2::bigint))`;

/** Bounds how many live sessions an account has. */
@Injectable()
export class SessionLimit {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly revocations: RevocationLog,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Ends the sessions that were not used for longest, when a sign-in has made them too many. Never fails: the new session has begun, and
   * nobody would hold it if the answer were an error. What is left over is ended by the next sign-in.
   *
   * @param others how many were live before it
   */
  async makeRoom(
    { session: { accountId, sid }, others }: Pick<BegunSession, 'session' | 'others'>,
    from: PersonalDetails,
  ): Promise<void> {
    if (others < this.config.SESSIONS_PER_ACCOUNT) return;
    try {
      await this.database.transaction((tx) => this.#endSurplus(tx, accountId, from));
    } catch (error) {
      this.logger.warn(
        { err: error, sid },
        'an account goes on with more sessions than it may have',
      );
    }
  }

  async #endSurplus(tx: EntityManager, accountId: string, from: PersonalDetails): Promise<void> {
    const values = [accountId, this.config.SESSIONS_PER_ACCOUNT, MOST_AT_ONCE];
    const surplus = await tx.query<{ sid: string }[]>(SURPLUS, values);
    const only = surplus.map(({ sid }) => sid);
    await takeLocks(
      tx,
      only.map((id) => ({ resource: 'session', id, mode: 'exclusive' })),
    );
    // Read again under the locks: others may have ended some meanwhile.
    const { sessions } = await endEachIn(
      tx,
      this.revocations,
      { accountId, only },
      'too_many_sessions',
      {},
    );
    if (sessions === 0) return;
    await this.audit.record(tx, {
      actor: accountActor(accountId),
      action: 'session.end',
      target: accountId,
      accountId,
      personal: from,
      details: { of: 'unused_longest', sessions, reason: 'too_many_sessions' },
    });
  }
}
