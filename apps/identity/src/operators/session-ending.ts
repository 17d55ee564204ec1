import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import { Account } from '../accounts/account.js';
import { AuditLog } from '../audit/audit-log.js';
import { EmailTokens } from '../credentials/email-tokens.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { Session } from '../sessions/session.js';
import { Sessions } from '../sessions/sessions.js';
import { actorOf } from './operator.js';
import type { Operator } from './operator.js';

/** What an operator's act on a person's sessions came to. */
export interface EndedSessions {
  readonly accountId: string;
  /** How many have ended by it. */
  readonly sessions: number;
  /** Where it stands in the log of revocations. */
  readonly position: Position;
}

/** How an operator wants it. */
export interface How {
  /** For the audit log. */
  readonly reason?: string | undefined;
  /** Somebody waits for the receipts. */
  readonly receiptWanted?: boolean;
}

/** Ends sessions and disables people on an operator's behalf, each with its audit row in one transaction. */
@Injectable()
export class SessionEnding {
  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
    private readonly emailTokens: EmailTokens,
    private readonly audit: AuditLog,
  ) {}

  /** Ends one session. @returns how many that were: 0 when it had ended before @throws {DomainError} `unknown_session` */
  endSession(operator: Operator, sid: string, how: How): Promise<Omit<EndedSessions, 'accountId'>> {
    return this.database.transaction(async (tx) => {
      const ended = await this.sessions.endIn(tx, sid, 'operator', how);
      if (!ended) throw new DomainError('unknown_session');
      const sessions = ended.already ? 0 : 1;
      const { accountId } = await tx.findOneByOrFail(Session, { sid });
      await this.audit.record(tx, {
        actor: actorOf(operator),
        action: 'sessions.end',
        target: sid,
        accountId,
        details: { of: 'session', sessions, reason: how.reason },
      });
      return { sessions, position: ended.position };
    });
  }

  /** Ends every session of the account with this address. @throws {DomainError} `unknown_account` */
  endAllOf(operator: Operator, email: string, how: How): Promise<EndedSessions> {
    return this.database.transaction(async (tx) => {
      const account = await tx.findOneBy(Account, { email });
      if (!account) throw new DomainError('unknown_account');
      await takeLocks(tx, [{ resource: 'account', id: account.id, mode: 'exclusive' }]);
      const ended = await this.sessions.endAllIn(tx, account.id, 'operator', how);
      await this.audit.record(tx, {
        actor: actorOf(operator),
        action: 'sessions.end',
        target: account.id,
        accountId: account.id,
        details: { of: 'account', sessions: ended.sessions, reason: how.reason },
      });
      return { accountId: account.id, ...ended };
    });
  }

  /**
   * Disables an account, ends its sessions and what messages to it open, and cuts its tokens off, all or nothing. Again, it does the
   * same again.
   *
   * @throws {DomainError} `unknown_account`
   */
  disable(operator: Operator, id: string, how: How): Promise<EndedSessions> {
    return this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'account', id, mode: 'exclusive' }]);
      const [rows] = await tx.query<[unknown[]]>(
        `UPDATE accounts SET disabled_at = coalesce(disabled_at, clock_timestamp()) WHERE id = $1 RETURNING id`,
        [id],
      );
      if (rows.length === 0) throw new DomainError('unknown_account');
      await this.emailTokens.endAllOf(tx, id);
      const ended = await this.sessions.endAllIn(tx, id, 'account_disabled', how);
      await this.audit.record(tx, {
        actor: actorOf(operator),
        action: 'user.disable',
        target: id,
        accountId: id,
        details: { sessions: ended.sessions, reason: how.reason },
      });
      return { accountId: id, ...ended };
    });
  }

  /** Lets an account sign in again; what was ended stays ended. @throws {DomainError} `unknown_account` */
  async enable(operator: Operator, id: string, { reason }: How): Promise<void> {
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'account', id, mode: 'exclusive' }]);
      const [rows] = await tx.query<[unknown[]]>(
        `UPDATE accounts SET disabled_at = NULL WHERE id = $1 RETURNING id`,
        [id],
      );
      if (rows.length === 0) throw new DomainError('unknown_account');
      await this.audit.record(tx, {
        actor: actorOf(operator),
        action: 'user.enable',
        target: id,
        accountId: id,
        details: { reason },
      });
    });
  }
}
