import { Injectable } from '@nestjs/common';
import { IdentityConfig } from '../config/identity-config.js';
import { BreachedPasswords } from './breached-passwords.js';
import { requireUnlike, unsuitable } from './password-rules.js';

/** Whether a password that is well-formed may be somebody's. */
@Injectable()
export class PasswordPolicy {
  constructor(
    private readonly config: IdentityConfig,
    private readonly breached: BreachedPasswords,
  ) {}

  /**
   * @param email of the account, normalised
   * @param password normalised
   * @param pointer to the password in the request
   * @throws {DomainError} `invalid_input`
   */
  async require(email: string, password: string, pointer: string): Promise<void> {
    requireUnlike({ email, words: this.config.PASSWORD_CONTEXT_WORDS }, password, pointer);
    if (await this.breached.has(password))
      throw unsuitable(pointer, 'is in a list of breached passwords');
  }
}
