import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { maySignIn } from '../accounts/account.js';
import type { Account } from '../accounts/account.js';
import { AuditLog, STRANGER_ACTOR } from '../audit/audit-log.js';
import { Batches } from '../platform/batches.js';
import { Database, prepared } from '../platform/database.js';
import { PasswordHasChanged } from '../sessions/new-sessions.js';
import type { BegunSession, SignInContext } from '../sessions/new-sessions.js';
import { readingClaimed, signInClient, unknownClient } from '../sessions/signing-in.js';
import type { Claimed, ClaimedSignIn } from '../sessions/signing-in.js';
import { LOGGER } from '../platform/platform.module.js';
import { Sessions } from '../sessions/sessions.js';
import { PasswordHasher } from './password-hasher.js';
import { refuseWrongPassword } from './refuse-wrong-password.js';

/** A password changes now and then, not again and again while somebody signs in. */
const ATTEMPTS = 3;

/** What is known of who wants to sign in. */
export type GivenSignIn = Omit<SignInContext, 'clientId'> & {
  /** The first-party one when none is named. */
  readonly clientId: string | undefined;
};

/** Signs people in. */
@Injectable()
export class SignIn {
  readonly #reads = new Batches<ClaimedSignIn, Claimed>(
    (asked) => this.database.run((manager) => prepared(manager, readingClaimed(asked))),
    { atOnce: 2, most: 8, patienceMs: 25 },
  );

  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
    private readonly passwords: PasswordHasher,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Signs in by address and password. One answer, one cost and the same steps for every failure: no account, an unverified one, a
   * disabled one, a wrong password.
   *
   * @param email normalised
   * @param password normalised
   * @throws {DomainError} `unknown_client`, `credentials_rejected`, `overloaded`
   */
  async withPassword(email: string, password: string, context: GivenSignIn): Promise<BegunSession> {
    const asked = { ...context, clientId: signInClient(context.clientId) };
    // Before anything is asked of the database: a flood of sign-ins costs as little as can be.
    this.passwords.requireRoom();
    for (let attempt = 1; ; attempt += 1) {
      const account = await this.#prove(email, password, asked);
      try {
        const begun = await this.sessions.begin(account.id, asked, account.passwordHash);
        await this.#bringUpToDate(account, password);
        return begun;
      } catch (error) {
        // Changed since it was compared; or only hashed anew, and then it still matches.
        if (!(error instanceof PasswordHasChanged) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** The account of the address, if the password is its own. */
  async #prove(email: string, password: string, context: SignInContext): Promise<Account> {
    const account = await this.#read(email, context.clientId);
    const matches = await this.passwords.verify(account?.passwordHash ?? null, password);
    if (account && matches && maySignIn(account)) return account;
    return refuseWrongPassword('credentials_rejected', () =>
      this.#recordFailure(account, matches, context),
    );
  }

  /** @throws {DomainError} `unknown_client` */
  async #read(email: string, clientId: string): Promise<Account | null> {
    const claimed = await this.#reads.ask({ email, clientId });
    if (!claimed.forSignIn) throw unknownClient();
    return claimed.id === null ? null : claimed;
  }

  /** One statement, for an account or for none. */
  async #recordFailure(
    account: Account | null,
    matches: boolean,
    { ip, userAgent }: SignInContext,
  ): Promise<void> {
    await this.database.run((manager) =>
      this.audit.record(manager, {
        actor: STRANGER_ACTOR,
        action: 'sign_in.fail',
        target: account?.id ?? null,
        accountId: account?.id ?? null,
        // Not the name of the device: the owner would read what a stranger has written for them.
        personal: { ip, user_agent: userAgent },
        details: { reason: whyNot(account, matches) },
      }),
    );
  }

  /** Hashes the password again when hashes are made another way by now. Whoever has signed in does not fail by it. */
  async #bringUpToDate({ id, passwordHash }: Account, password: string): Promise<void> {
    if (passwordHash === null || !this.passwords.isOutdated(passwordHash)) return;
    try {
      const hash = await this.passwords.hash(password);
      // Only if it is the password still.
      await this.database.run((manager) =>
        manager.query(
          `UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2`,
          [id, passwordHash, hash],
        ),
      );
    } catch (error) {
      this.logger.warn({ err: error }, 'a password hash was not brought up to date');
    }
  }
}

/** For the log; nobody is told. */
function whyNot(account: Account | null, matches: boolean): string {
  if (!account) return 'no_account';
  if (account.passwordHash === null) return 'unverified';
  return matches ? 'disabled' : 'wrong_password';
}
