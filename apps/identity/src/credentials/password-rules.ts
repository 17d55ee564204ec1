import { z } from 'zod';
import { DomainError } from '../platform/domain-error.js';
import { isCommon } from './common-passwords.js';

const SHORTEST = 8;
const LONGEST = 256;
/** So much of a password must be left when the words of the address are taken out of it. */
const OWN_CHARACTERS = 8;

/** UTF-16 units: normalising shortens some texts. */
const text = z
  .string()
  .max(2_048)
  .refine((given) => !/\p{Surrogate}/u.test(given), 'must be text');

const normalised = text.transform((given) => given.normalize('NFKC'));

/**
 * A password to be set; gives its one spelling (NFKC). Long rather than complicated: any Unicode, no rules of composition, and
 * none that thousands use (NIST SP 800-63B §3.1.1.2). Counted in code points.
 */
export const newPassword = normalised
  .refine((password) => lengthOf(password) >= SHORTEST, {
    message: `must have at least ${String(SHORTEST)} characters`,
    abort: true,
  })
  .refine((password) => lengthOf(password) <= LONGEST, {
    message: `must have at most ${String(LONGEST)} characters`,
    abort: true,
  })
  .refine((password) => !isCommon(password), 'is among the passwords that are guessed first');

/** A password to be compared: any that could have been set, in its one spelling. */
export const givenPassword = normalised.refine(
  (password) => password !== '' && lengthOf(password) <= LONGEST,
  `must have 1 to ${String(LONGEST)} characters`,
);

/**
 * A password that is hardly more than the account's address, or than words that everybody here knows, is guessed with them.
 *
 * @param known the address, normalised, and those words
 * @param pointer to the password in the request
 * @throws {DomainError} `invalid_input`
 */
export function requireUnlike(
  known: { readonly email: string; readonly words: readonly string[] },
  password: string,
  pointer: string,
): void {
  if (isLike(known.email, password))
    throw unsuitable(pointer, 'is too much like the e-mail address');
  if (isMadeOf(known.words, password))
    throw unsuitable(pointer, 'is hardly more than a word that is known here');
}

export function unsuitable(pointer: string, detail: string): DomainError {
  return new DomainError('invalid_input', undefined, { errors: [{ pointer, detail }] });
}

/** Whether little of a password is left without these words, each of three characters or more. */
export function isMadeOf(words: readonly string[], password: string): boolean {
  return isLittleWithout(
    words.map((word) => word.normalize('NFKC').toLowerCase()),
    password,
  );
}

/** Whether little of a password is left without the parts of an address of three characters or more. */
export function isLike(email: string, password: string): boolean {
  const at = email.lastIndexOf('@');
  const parts = [email, email.slice(0, at), email.slice(at + 1), ...email.split(/[^\p{L}\p{N}]+/u)];
  return isLittleWithout(parts, password);
}

function isLittleWithout(parts: readonly string[], password: string): boolean {
  const lower = password.toLowerCase();
  const rest = parts
    .filter((part) => lengthOf(part) >= 3)
    .sort((a, b) => b.length - a.length)
    .reduce((left, part) => left.replaceAll(part, ''), lower);
  return rest !== lower && lengthOf(rest) < OWN_CHARACTERS;
}

const lengthOf = (password: string) => Array.from(password).length;
