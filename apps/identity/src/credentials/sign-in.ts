import { Injectable } from '@nestjs/common';
import { maySignIn } from '../accounts/account.js';
import { Accounts } from '../accounts/accounts.js';
import { DomainError } from '../platform/domain-error.js';
import type { SignInContext } from '../sessions/new-sessions.js';
import { Sessions } from '../sessions/sessions.js';
import type { BegunSession } from '../sessions/sessions.js';
import { PasswordHasher } from './password-hasher.js';

/** Signs people in. */
@Injectable()
export class SignIn {
  constructor(
    private readonly accounts: Accounts,
    private readonly sessions: Sessions,
    private readonly passwords: PasswordHasher,
  ) {}

  /**
   * Signs in by address and password. One answer and one cost for every failure: no account, an unverified one, a disabled
   * one, a wrong password.
   *
   * @param email normalised
   * @throws {DomainError} `unknown_client`, `credentials_rejected`, `overloaded`
   */
  async withPassword(
    email: string,
    password: string,
    context: Omit<SignInContext, 'client'> & { readonly clientId: string | undefined },
  ): Promise<BegunSession> {
    const { clientId, ...rest } = context;
    const client = await this.sessions.signInClient(clientId);
    const account = await this.accounts.findByEmail(email);
    const matches = await this.passwords.verify(account?.passwordHash ?? null, password);
    if (!account || !matches || !maySignIn(account)) throw new DomainError('credentials_rejected');
    return this.sessions.begin(account.id, { ...rest, client });
  }
}
