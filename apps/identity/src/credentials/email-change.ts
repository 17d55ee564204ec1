import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import type { AuditAction, PersonalDetails } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Outbox } from '../mail/outbox.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { Sessions } from '../sessions/sessions.js';
import {
  addressChangedMessage,
  addressRestoredMessage,
  addressTakenMessage,
  changeRequestedMessage,
  confirmChangeMessage,
} from './email-messages.js';
import { EmailTokens } from './email-tokens.js';
import type { TokenBearer } from './email-tokens.js';
import { OwnerCheck } from './owner-check.js';
import type { Owner } from './owner-check.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordPolicy } from './password-policy.js';

const UNIQUE_VIOLATION = '23505';
/** Begun by somebody with the address `$1`, and never proved. */
const UNPROVEN = `email = $1 AND email_verified_at IS NULL AND disabled_at IS NULL`;

/**
 * Gives accounts other addresses. Sessions go on: an owner whose account is being taken has them as a last hold, and whoever
 * takes it gains nothing by them that the password does not give. The earlier address can take it all back for a few days.
 */
@Injectable()
export class EmailChange {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly owners: OwnerCheck,
    private readonly sessions: Sessions,
    private readonly emailTokens: EmailTokens,
    private readonly passwords: PasswordHasher,
    private readonly policy: PasswordPolicy,
    private readonly outbox: Outbox,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Asks for it. The same for an address that another account has: only the address itself is told.
   *
   * @param newEmail normalised
   * @throws {DomainError} `current_password_rejected`, `invalid_input`, `session_ended`, `overloaded`
   */
  async request(owner: Owner, newEmail: string, currentPassword: string): Promise<void> {
    const account = await this.owners.accountOf(owner);
    // First what costs no hash: a try that is refused for the address must not have cost one.
    if (newEmail === account.email) throw sameAddress();
    const proof = await this.owners.byPassword(owner, currentPassword, account);
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'account', id: owner.accountId, mode: 'exclusive' }]);
      const email = await this.owners.requireStill(tx, owner, proof);
      if (newEmail === email) throw sameAddress();
      const taken = await isTaken(tx, newEmail);
      const token = await this.emailTokens.issue(
        tx,
        owner.accountId,
        taken ? 'none' : 'change_email',
        taken ? null : newEmail,
      );
      await this.outbox.put(
        tx,
        taken
          ? addressTakenMessage(newEmail, this.config)
          : confirmChangeMessage(newEmail, email, this.config, token),
        this.emailTokens.lifetimeSeconds('change_email'),
      );
      await this.outbox.put(tx, changeRequestedMessage(email, this.config));
      await this.#record(tx, owner.accountId, 'email.request_change', owner.from);
    });
  }

  /**
   * Spends the token from the message to the new address, for somebody in a session of that very account: who merely reads that mailbox,
   * and is led to click, must not put their address on an account that a stranger goes on holding. An account that somebody
   * else has begun with that address and never verified goes.
   *
   * @throws {DomainError} `session_ended`; `email_token_rejected`, also when it is of another account than the session, or another
   *   account has the address by now
   */
  async confirm(owner: Owner, token: string): Promise<void> {
    await this.#spend(
      token,
      'change_email',
      async (tx, { accountId, accountEmail, provenEmail }) => {
        if (accountId !== owner.accountId) throw new DomainError('email_token_rejected');
        await this.owners.requireStill(tx, owner, undefined);
        await giveAddress(tx, accountId, provenEmail);
        await this.emailTokens.endAllOf(tx, accountId);
        const restoring = await this.emailTokens.issue(
          tx,
          accountId,
          'restore_email',
          accountEmail,
        );
        const seconds = this.emailTokens.lifetimeSeconds('restore_email');
        const days = Math.floor(seconds / 86_400);
        await this.outbox.put(
          tx,
          addressChangedMessage(accountEmail, this.config, restoring, days),
        );
        await this.#record(tx, accountId, 'email.change', owner.from);
      },
    );
  }

  /**
   * Spends the token from the message to the earlier address: the account has that again, and another password; every session ends.
   *
   * @param password normalised
   * @throws {DomainError} `email_token_rejected`; `invalid_input`, `overloaded`: it is not spent then
   */
  async restore(token: string, password: string, personal: PersonalDetails): Promise<void> {
    const found = await this.#bearerOf(token, 'restore_email');
    await this.policy.require(found.provenEmail, password, '/password');
    const passwordHash = await this.passwords.hash(password);
    await this.#spend(
      token,
      'restore_email',
      async (tx, { accountId, accountEmail, provenEmail }) => {
        await giveAddress(tx, accountId, provenEmail);
        await tx.query(
          `UPDATE accounts SET password_hash = $2, password_version = password_version + 1 WHERE id = $1`,
          [accountId, passwordHash],
        );
        await this.emailTokens.endAllSince(tx, accountId, token);
        for (const to of new Set([accountEmail, provenEmail])) {
          await this.outbox.put(tx, addressRestoredMessage(to, this.config));
        }
        await this.#record(tx, accountId, 'email.restore', personal);
        await this.sessions.endAllIn(tx, accountId, 'email_changed');
      },
    );
  }

  /** Under the account's lock, taken alone, and that of one that stands in the way, which goes: no reset of it may end as done. */
  async #spend(
    token: string,
    purpose: 'change_email' | 'restore_email',
    work: (tx: EntityManager, bearer: TokenBearer) => Promise<void>,
  ): Promise<void> {
    const { accountId, provenEmail } = await this.#bearerOf(token, purpose);
    try {
      await this.database.transaction(async (tx) => {
        const inTheWay = await unprovenAccounts(tx, provenEmail);
        await takeLocks(
          tx,
          [accountId, ...inTheWay].map((id) => ({ resource: 'account', id, mode: 'exclusive' })),
        );
        const bearer = await this.emailTokens.bearerOf(tx, token, purpose);
        if (!bearer) throw new DomainError('email_token_rejected');
        await work(tx, bearer);
      });
    } catch (error) {
      // Another account has the address, and has proved it.
      if ((error as { code?: unknown }).code === UNIQUE_VIOLATION)
        throw new DomainError('email_token_rejected', undefined, { cause: error });
      throw error;
    }
  }

  async #bearerOf(token: string, purpose: 'change_email' | 'restore_email'): Promise<TokenBearer> {
    const bearer = await this.database.run((manager) =>
      this.emailTokens.bearerOf(manager, token, purpose),
    );
    if (!bearer) throw new DomainError('email_token_rejected');
    return bearer;
  }

  #record(
    tx: EntityManager,
    accountId: string,
    action: AuditAction,
    personal: PersonalDetails,
  ): Promise<void> {
    const actor = accountActor(accountId);
    return this.audit.record(tx, { actor, action, target: accountId, accountId, personal });
  }
}

function sameAddress(): DomainError {
  const errors = [{ pointer: '/email', detail: 'is the address already' }];
  return new DomainError('invalid_input', undefined, { errors });
}

async function isTaken(tx: EntityManager, email: string): Promise<boolean> {
  const rows = await tx.query<unknown[]>(
    `SELECT FROM accounts WHERE email = $1 AND (email_verified_at IS NOT NULL OR disabled_at IS NOT NULL)`,
    [email],
  );
  return rows.length > 0;
}

async function unprovenAccounts(tx: EntityManager, email: string): Promise<string[]> {
  const rows = await tx.query<{ id: string }[]>(`SELECT id FROM accounts WHERE ${UNPROVEN}`, [
    email,
  ]);
  return rows.map(({ id }) => id);
}

/** An account that never proved the address stands in nobody's way. */
async function giveAddress(tx: EntityManager, accountId: string, email: string): Promise<void> {
  await tx.query(`DELETE FROM accounts WHERE ${UNPROVEN} AND id <> $2`, [email, accountId]);
  await tx.query(`UPDATE accounts SET email = $2 WHERE id = $1`, [accountId, email]);
}
