import { DomainError } from '../platform/domain-error.js';

/**
 * Refuses a wrong password, with a row that says so. When that cannot be written the answer is that, as it is for a right password then;
 * but the guess counts: else guessing would be free for as long as the database can be read and not written, and the time
 * that the answer takes could still tell which one was right.
 *
 * @param record writes the row
 * @throws {DomainError} always: `code`, or why there is no row
 */
export async function refuseWrongPassword(
  code: 'credentials_rejected' | 'current_password_rejected',
  record: () => Promise<void>,
): Promise<never> {
  try {
    await record();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new DomainError(error.code, error.detail, { cause: error, isWrongGuess: true });
  }
  throw new DomainError(code);
}
