import { DomainError } from '../platform/domain-error.js';

/** Somebody has tried too often. Says nothing of what they tried. */
export class TooManyAttempts extends DomainError {
  constructor(
    /** Whole seconds until the next attempt can be worth it; one at least. */
    override readonly retryAfterSeconds: number,
  ) {
    super('too_many_attempts', 'wait for the seconds that Retry-After says');
  }
}
