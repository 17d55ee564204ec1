import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Account } from '../accounts/account.js';
import { Accounts } from '../accounts/accounts.js';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import { OWNER_ACTIONS, ownerView } from '../audit/owner-view.js';
import type { OwnActivity } from '../audit/owner-view.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { OwnerCheck } from './owner-check.js';
import type { Owner } from './owner-check.js';

/** So many sessions and rows of activity at most, the newest: an answer must fit in memory. */
const MOST = 5_000;

/** A session as its owner may know it. Instants are NumericDate seconds. */
export interface ExportedSession {
  readonly sid: string;
  readonly client_id: string;
  readonly device_name: string | null;
  readonly user_agent: string | null;
  readonly ip: string | null;
  readonly created_at: number;
  readonly last_seen_at: number;
  readonly expires_at: number;
  readonly ended_at: number | null;
  readonly end_reason: string | null;
}

/** Everything that is kept about somebody. No secrets: nothing in it lets anybody in. */
export interface ExportedAccount {
  readonly account: Account;
  readonly sessions: readonly ExportedSession[];
  readonly activity: readonly OwnActivity[];
  /** Whether there is nothing older than what is listed. */
  readonly complete: boolean;
}

/** Gives people what is kept about them. */
@Injectable()
export class AccountExport {
  constructor(
    private readonly database: Database,
    private readonly accounts: Accounts,
    private readonly owners: OwnerCheck,
    private readonly audit: AuditLog,
  ) {}

  /**
   * @param password the current one; needless within five minutes of the sign-in
   * @throws {DomainError} `current_password_rejected`, `recent_sign_in_required`, `session_ended`, `overloaded`
   */
  async export(owner: Owner, password: string | undefined): Promise<ExportedAccount> {
    const proof = await this.owners.byPasswordOrRecentSignIn(owner, password);
    const { accountId, from } = owner;
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'shared' }]);
      await this.owners.requireStill(tx, owner, proof);
      await this.audit.record(tx, {
        actor: accountActor(accountId),
        action: 'account.export',
        target: accountId,
        accountId,
        personal: from,
      });
    });
    const account = await this.accounts.findById(accountId);
    if (!account) throw new DomainError('session_ended');
    const sessions = await this.database.run((manager) => sessionsOf(manager, accountId));
    const activity = await this.audit.list({ accountId, actions: OWNER_ACTIONS }, MOST + 1);
    return {
      account,
      sessions: sessions.slice(0, MOST),
      activity: activity.slice(0, MOST).flatMap((row) => ownerView(row) ?? []),
      complete: sessions.length <= MOST && activity.length <= MOST,
    };
  }
}

function sessionsOf(manager: EntityManager, accountId: string): Promise<ExportedSession[]> {
  const seconds = (column: string) => `floor(extract(epoch FROM ${column}))::float8 AS ${column}`;
  return manager.query<ExportedSession[]>(
    `SELECT sid, client_id, device_name, user_agent, host(ip) AS ip, ${seconds('created_at')},
       ${seconds('last_seen_at')}, ${seconds('expires_at')}, ${seconds('ended_at')}, end_reason
     FROM sessions WHERE account_id = $1 ORDER BY sessions.created_at DESC LIMIT $2`,
    [accountId, MOST + 1],
  );
}
