import { toProblemAnswer } from '@countersign/service-host';
import { DomainError } from '../platform/domain-error.js';
import type { Outcome } from './attempt-plan.js';

/** Refusals by which somebody learns that they guessed wrong. */
const WRONG_GUESSES: ReadonlySet<unknown> = new Set([
  'credentials_rejected',
  'current_password_rejected',
  'email_token_rejected',
  'invalid_client',
]);

/** Refusals that come only after a password was found to be right: the session, or what it was to be given, was not to be had. */
const AFTER_PROOF: ReadonlySet<unknown> = new Set(['revocation_in_progress', 'session_ended']);

/**
 * What became of an attempt that ended with an error. A refusal for another reason has told nothing of what is guessed; an error that
 * nobody expected may have come after the check, so it counts. `database_unavailable` and `overloaded` may come after a right password,
 * which is not counted as a wrong one whatever the answer; of wrong ones each is, those too that could not be answered as such.
 */
export function outcomeOf(error: unknown): Outcome {
  const isOurs = error instanceof Error && ['DomainError', 'OAuthError'].includes(error.name);
  if (!isOurs) return toProblemAnswer(error).problem.status >= 500 ? 'rejected' : 'malformed';
  if (error instanceof DomainError && error.isMalformed) return 'malformed';
  if (error instanceof DomainError && error.isWrongGuess) return 'rejected';
  const { code } = error as { readonly code?: unknown };
  if (AFTER_PROOF.has(code)) return 'proved';
  return WRONG_GUESSES.has(code) ? 'rejected' : 'untried';
}
