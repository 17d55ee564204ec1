import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { accountActor, AuditLog, STRANGER_ACTOR } from '../audit/audit-log.js';
import type { PersonalDetails } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Outbox } from '../mail/outbox.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { EmailTokens } from './email-tokens.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordPolicy } from './password-policy.js';
import { alreadyRegisteredMessage, verificationMessage } from './registration-messages.js';

/** Makes accounts: an address first, a password only with the proof that the address is one's own. */
@Injectable()
export class Registration {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly accounts: Accounts,
    private readonly emailTokens: EmailTokens,
    private readonly passwords: PasswordHasher,
    private readonly policy: PasswordPolicy,
    private readonly outbox: Outbox,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Asks for an account. Does the same by the same steps whether there is one already or not: what differs is only said
   * to the address itself.
   *
   * @param email normalised
   */
  async register(email: string, personal: PersonalDetails): Promise<void> {
    await this.database.transaction(async (tx) => {
      const account = await this.accounts.findOrCreate(tx, email);
      const verified = account.emailVerifiedAt !== null;
      const purpose = verified ? 'none' : 'verify_email';
      const token = await this.emailTokens.issue(tx, account.id, purpose);
      await this.outbox.put(
        tx,
        verified
          ? alreadyRegisteredMessage(email, this.config)
          : verificationMessage(email, this.config, token),
        this.emailTokens.lifetimeSeconds(purpose),
      );
      await this.audit.record(tx, {
        actor: STRANGER_ACTOR,
        action: 'account.register',
        target: account.id,
        accountId: account.id,
        personal,
      });
    });
  }

  /**
   * Spends a token from a message and sets the first password. Of several at once, one wins.
   *
   * @throws {DomainError} `email_token_rejected` when the token is unknown, expired or spent; `invalid_input`, `overloaded`:
   *   it is not spent then
   */
  async verifyEmail(token: string, password: string, personal: PersonalDetails): Promise<void> {
    const bearer = await this.database.run((manager) =>
      this.emailTokens.bearerOf(manager, token, 'verify_email'),
    );
    if (!bearer) throw new DomainError('email_token_rejected');
    await this.policy.require(bearer.accountEmail, password, '/password');
    const { accountId } = bearer;
    const passwordHash = await this.passwords.hash(password);
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'exclusive' }]);
      if (!(await this.emailTokens.bearerOf(tx, token, 'verify_email')))
        throw new DomainError('email_token_rejected');
      const [, changed] = await tx.query<[unknown, number]>(
        `UPDATE accounts SET email_verified_at = now(), password_hash = $2, password_version = password_version + 1
         WHERE id = $1 AND email_verified_at IS NULL`,
        [accountId, passwordHash],
      );
      // Verified by another message meanwhile: this is for the first password only.
      if (changed === 0) throw new DomainError('email_token_rejected');
      await this.emailTokens.endAllOf(tx, accountId);
      await this.audit.record(tx, {
        actor: accountActor(accountId),
        action: 'account.verify',
        target: accountId,
        accountId,
        personal,
      });
    });
  }
}
