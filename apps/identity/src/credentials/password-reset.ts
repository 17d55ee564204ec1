import { Injectable } from '@nestjs/common';
import { accountActor, AuditLog, STRANGER_ACTOR } from '../audit/audit-log.js';
import type { PersonalDetails } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Outbox } from '../mail/outbox.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { Sessions } from '../sessions/sessions.js';
import { EmailTokens } from './email-tokens.js';
import { PasswordHasher } from './password-hasher.js';
import { noResetMessage, passwordChangedMessage, resetMessage } from './password-messages.js';
import { PasswordPolicy } from './password-policy.js';

/** Gives people who have forgotten their password another one, by a message to their address. */
@Injectable()
export class PasswordReset {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly sessions: Sessions,
    private readonly emailTokens: EmailTokens,
    private readonly passwords: PasswordHasher,
    private readonly policy: PasswordPolicy,
    private readonly outbox: Outbox,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Asks for it. The same steps for every address: what differs is only said to the address itself. One that is not verified yet is by
   * what follows.
   *
   * @param email normalised
   */
  async request(email: string, personal: PersonalDetails): Promise<void> {
    await this.database.transaction(async (tx) => {
      // Locked, so that it is neither deleted nor given another address before the token is there.
      const [account] = await tx.query<{ id: string; disabled: boolean }[]>(
        `SELECT id, disabled_at IS NOT NULL AS disabled FROM accounts WHERE email = $1 FOR KEY SHARE`,
        [email],
      );
      const id = account?.id ?? null;
      const usable = account?.disabled === false;
      const purpose = usable ? 'reset_password' : 'none';
      const token = await this.emailTokens.issue(tx, id, purpose);
      const seconds = this.emailTokens.lifetimeSeconds('reset_password');
      await this.outbox.put(
        tx,
        usable
          ? resetMessage(email, this.config, token, Math.floor(seconds / 60))
          : noResetMessage(email, this.config),
        seconds,
      );
      await this.audit.record(tx, {
        actor: STRANGER_ACTOR,
        action: 'password.request_reset',
        target: id,
        accountId: id,
        personal,
      });
    });
  }

  /**
   * Spends a token and sets another password. Ends every session and every other token of the account. Of several at once, one wins.
   *
   * @param password normalised
   * @throws {DomainError} `email_token_rejected`; `invalid_input`, `overloaded`: it is not spent then
   */
  async confirm(token: string, password: string, personal: PersonalDetails): Promise<void> {
    const bearer = await this.database.run((manager) =>
      this.emailTokens.bearerOf(manager, token, 'reset_password'),
    );
    if (!bearer) throw new DomainError('email_token_rejected');
    const { accountId, accountEmail } = bearer;
    await this.policy.require(accountEmail, password, '/password');
    const passwordHash = await this.passwords.hash(password);
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'exclusive' }]);
      if (!(await this.emailTokens.bearerOf(tx, token, 'reset_password')))
        throw new DomainError('email_token_rejected');
      const [, changed] = await tx.query<[unknown, number]>(
        `UPDATE accounts SET password_hash = $2, password_version = password_version + 1,
           email_verified_at = coalesce(email_verified_at, now()) WHERE id = $1`,
        [accountId, passwordHash],
      );
      // Gone in the same moment: nothing was set.
      if (changed === 0) throw new DomainError('email_token_rejected');
      await this.emailTokens.endAllOf(tx, accountId);
      await this.outbox.put(tx, passwordChangedMessage(accountEmail, this.config));
      await this.audit.record(tx, {
        actor: accountActor(accountId),
        action: 'password.reset',
        target: accountId,
        accountId,
        personal,
      });
      await this.sessions.endAllIn(tx, accountId, 'password_reset');
    });
  }
}
