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

/**
 * What became of an attempt that ended with an error. A refusal for another reason has told nothing of what is guessed; an error that
 * nobody expected may have come after the check, so it counts.
 */
export function outcomeOf(error: unknown): Outcome {
  const isOurs = error instanceof Error && ['DomainError', 'OAuthError'].includes(error.name);
  if (!isOurs) return toProblemAnswer(error).problem.status >= 500 ? 'rejected' : 'malformed';
  if (error instanceof DomainError && error.isMalformed) return 'malformed';
  return WRONG_GUESSES.has((error as { readonly code?: unknown }).code) ? 'rejected' : 'untried';
}
