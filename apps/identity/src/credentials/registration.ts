import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Mailer } from '../mail/mailer.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { EmailTokens } from './email-tokens.js';
import { PasswordHasher } from './password-hasher.js';
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
    private readonly mailer: Mailer,
  ) {}

  /**
   * Asks for an account. Does the same by the same steps whether there is one already or not: what differs is only said
   * to the address itself.
   *
   * @param email normalised
   */
  async register(email: string): Promise<void> {
    const message = await this.database.transaction(async (tx) => {
      const account = await this.accounts.findOrCreate(tx, email);
      const verified = account.emailVerifiedAt !== null;
      const token = await this.emailTokens.issue(
        tx,
        account.id,
        verified ? 'none' : 'verify_email',
      );
      return verified
        ? alreadyRegisteredMessage(email, this.config.ISSUER_URL)
        : verificationMessage(email, this.config.ISSUER_URL, token);
    });
    await this.mailer.send(message);
  }

  /**
   * Spends a token from a message and sets the first password. Of several at once, one wins.
   *
   * @throws {DomainError} `email_token_rejected` when the token is unknown, expired or spent
   */
  async verifyEmail(token: string, password: string): Promise<void> {
    const accountId = await this.database.run((manager) =>
      this.emailTokens.accountOf(manager, token),
    );
    if (accountId === undefined) throw new DomainError('email_token_rejected');
    const passwordHash = await this.passwords.hash(password);
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'exclusive' }]);
      if ((await this.emailTokens.accountOf(tx, token)) === undefined)
        throw new DomainError('email_token_rejected');
      const [, changed] = await tx.query<[unknown, number]>(
        `UPDATE accounts SET email_verified_at = now(), password_hash = $2
         WHERE id = $1 AND email_verified_at IS NULL`,
        [accountId, passwordHash],
      );
      // Verified by another message meanwhile: this is for the first password only.
      if (changed === 0) throw new DomainError('email_token_rejected');
      await this.emailTokens.endAllOf(tx, accountId);
    });
  }
}
