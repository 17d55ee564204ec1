import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Account } from '../accounts/account.js';
import { Accounts } from '../accounts/accounts.js';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import type { PersonalDetails } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { PasswordHasher } from './password-hasher.js';
import { refuseWrongPassword } from './refuse-wrong-password.js';

/** For so long after they signed in, people need not give their password again for what asks for it or a recent sign-in. */
const RECENT_SECONDS = 300;

/** Whoever is signed in, and from where they ask. */
export interface Owner {
  readonly accountId: string;
  readonly sid: string;
  readonly from: PersonalDetails;
}

/** The account whose password somebody has given, as it was then. */
export type Proof = Account;

/** Makes sure that it is the owner of an account who asks, and not merely somebody at their screen or with their token. */
@Injectable()
export class OwnerCheck {
  constructor(
    private readonly database: Database,
    private readonly accounts: Accounts,
    private readonly passwords: PasswordHasher,
    private readonly audit: AuditLog,
  ) {}

  /** @throws {DomainError} `session_ended` when the account was deleted in the same moment */
  async accountOf({ accountId }: Owner): Promise<Account> {
    const account = await this.accounts.findById(accountId);
    if (!account) throw new DomainError('session_ended');
    return account;
  }

  /**
   * By the current password. A wrong one leaves a row that the owner sees.
   *
   * @param known the account, when the caller has read it
   * @throws {DomainError} `current_password_rejected`, `session_ended`, `overloaded`
   */
  async byPassword(owner: Owner, password: string, known?: Account): Promise<Account> {
    const account = known ?? (await this.accountOf(owner));
    const { accountId, sid, from } = owner;
    if (await this.passwords.verify(account.passwordHash, password)) return account;
    return refuseWrongPassword('current_password_rejected', () =>
      this.database.run((manager) =>
        this.audit.record(manager, {
          actor: accountActor(accountId),
          action: 'sign_in.fail',
          target: sid,
          accountId,
          personal: from,
          details: { reason: 'wrong_current_password' },
        }),
      ),
    );
  }

  /**
   * By the current password where one is given, else by a sign-in of the last five minutes.
   *
   * @throws {DomainError} also `recent_sign_in_required`
   */
  async byPasswordOrRecentSignIn(
    owner: Owner,
    password: string | undefined,
  ): Promise<Proof | undefined> {
    if (password !== undefined) return this.byPassword(owner, password);
    const [row] = await this.database.run((manager) =>
      manager.query<{ recent: boolean }[]>(
        `SELECT auth_time > clock_timestamp() - make_interval(secs => $2) AS recent FROM sessions WHERE sid = $1`,
        [owner.sid, RECENT_SECONDS],
      ),
    );
    // Deleted with its account in the same moment.
    if (!row) throw new DomainError('session_ended');
    if (!row.recent) throw new DomainError('recent_sign_in_required');
    return undefined;
  }

  /**
   * Makes sure that what was found out before still holds, in the transaction that acts on it, under the account's lock: the session
   * goes on, and the password that was proved, if one was, is the account's.
   *
   * @returns the account's address
   * @throws {DomainError} `session_ended`, `current_password_rejected`
   */
  async requireStill(
    tx: EntityManager,
    { accountId, sid }: Owner,
    proof: Proof | undefined,
  ): Promise<string> {
    const [row] = await tx.query<{ email: string; passwordVersion: number }[]>(
      `SELECT a.email, a.password_version AS "passwordVersion" FROM sessions AS s JOIN accounts AS a ON a.id = s.account_id
       WHERE s.sid = $1 AND a.id = $2 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()`,
      [sid, accountId],
    );
    if (!row) throw new DomainError('session_ended');
    if (proof && row.passwordVersion !== proof.passwordVersion)
      throw new DomainError('current_password_rejected');
    return row.email;
  }
}
