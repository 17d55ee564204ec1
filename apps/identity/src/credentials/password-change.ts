import { Injectable } from '@nestjs/common';
import { passwordEraOf } from '../accounts/accounts.js';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Outbox } from '../mail/outbox.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { CredentialRenewal } from '../sessions/credential-renewal.js';
import type { SessionCredentials } from '../sessions/session-credentials.js';
import { Sessions } from '../sessions/sessions.js';
import { EmailTokens } from './email-tokens.js';
import { OwnerCheck } from './owner-check.js';
import type { Owner } from './owner-check.js';
import { PasswordHasher } from './password-hasher.js';
import { passwordChangedMessage } from './password-messages.js';
import { PasswordPolicy } from './password-policy.js';

/** Changes passwords on their owners' behalf. */
@Injectable()
export class PasswordChange {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly owners: OwnerCheck,
    private readonly sessions: Sessions,
    private readonly renewal: CredentialRenewal,
    private readonly emailTokens: EmailTokens,
    private readonly passwords: PasswordHasher,
    private readonly policy: PasswordPolicy,
    private readonly outbox: Outbox,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Sets another password. Every other session ends and every message that is under way opens nothing; this session goes on with other
   * credentials, its access token included: whoever has copied them is out too. Takes up to a second more, since the
   * new access token must be younger than the cut-off that the old ones die by.
   *
   * @param next normalised
   * @param hashed is told as soon as there is nothing left to hash
   * @returns what the client of this session goes on with
   * @throws {DomainError} `current_password_rejected`, `invalid_input`, `session_ended`, `overloaded`, `revocation_in_progress`
   */
  async change(
    owner: Owner,
    current: string,
    next: string,
    hashed: () => void = () => undefined,
  ): Promise<SessionCredentials> {
    const account = await this.owners.accountOf(owner);
    // First what costs no hash: a try that is refused for the new password must not have cost one.
    await this.policy.require(account.email, next, '/new_password');
    await this.owners.byPassword(owner, current, account);
    const passwordHash = await this.passwords.hash(next);
    hashed();
    const { accountId, sid, from } = owner;
    const carried = await this.database.transaction(async (tx) => {
      await takeLocks(tx, [
        { resource: 'account', id: accountId, mode: 'exclusive' },
        { resource: 'session', id: sid, mode: 'exclusive' },
      ]);
      const [, changed] = await tx.query<[unknown, number]>(
        `UPDATE accounts SET password_hash = $3, password_version = password_version + 1
         WHERE id = $1 AND password_version = $2`,
        [accountId, account.passwordVersion, passwordHash],
      );
      // Another one was set since it was compared.
      if (changed === 0) throw new DomainError('current_password_rejected');
      await this.emailTokens.endAllOf(tx, accountId);
      await this.outbox.put(tx, passwordChangedMessage(account.email, this.config));
      await this.audit.record(tx, {
        actor: accountActor(accountId),
        action: 'password.change',
        target: accountId,
        accountId,
        personal: from,
      });
      await this.sessions.endAllIn(tx, accountId, 'password_changed', { keepSid: sid });
      // After the head: who holds that may wait for the row of this session.
      return this.renewal.renewCredentialsIn(tx, sid);
    });
    const { email, passwordVersion } = account;
    const era = passwordEraOf({ id: accountId, passwordVersion: passwordVersion + 1 });
    return { ...(await this.renewal.withAccessToken(carried)), proved: { email, era } };
  }
}
