import type { InputFault } from '@countersign/service-host';

/** Every way in which identity refuses something that was well-formed. Stable; part of the API. */
export type DomainErrorCode =
  | 'invalid_input'
  | 'credentials_rejected'
  | 'email_token_rejected'
  | 'current_password_rejected'
  | 'recent_sign_in_required'
  | 'unknown_client'
  | 'client_disabled'
  | 'client_exists'
  | 'no_such_client'
  | 'public_client'
  | 'default_client'
  | 'audience_not_allowed'
  | 'account_exists'
  | 'session_ended'
  | 'refresh_token_rejected'
  | 'refresh_token_replayed'
  | 'store_behind'
  | 'overloaded'
  | 'too_many_attempts'
  | 'revocation_in_progress'
  | 'client_credentials_rejected'
  | 'operator_token_rejected'
  | 'operator_role_missing'
  | 'operator_exists'
  | 'unknown_operator'
  | 'unknown_session'
  | 'unknown_account'
  | 'unknown_revocation'
  | 'unknown_relying_service'
  | 'relying_service_exists'
  | 'declared_in_file'
  | 'rotation_in_progress'
  | 'unknown_signing_key'
  | 'signing_key_in_use'
  | 'signing_key_revoked'
  | 'signing_key_exists'
  | 'too_many_signing_keys'
  | 'cutoff_in_future'
  | 'database_unavailable';

/** A refusal. Knows nothing of HTTP; `listeners/problems.ts` says how each code is answered. */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  /** For `invalid_input`: which members. */
  readonly errors: readonly InputFault[] | undefined;
  /** When to try again, where that is known better than by the code alone. */
  readonly retryAfterSeconds: number | undefined;
  /** Refused for its shape alone, before anything was asked. */
  readonly isMalformed: boolean;
  /** What was guessed was wrong, and there is something else to be said. */
  readonly isWrongGuess: boolean;

  constructor(
    readonly code: DomainErrorCode,
    /** Fixed text that may be shown to the caller. */
    readonly detail?: string,
    options?: ErrorOptions & {
      readonly errors?: readonly InputFault[];
      readonly retryAfterSeconds?: number;
      readonly isMalformed?: boolean;
      readonly isWrongGuess?: boolean;
    },
  ) {
    super(detail ?? code, options);
    this.errors = options?.errors;
    this.retryAfterSeconds = options?.retryAfterSeconds;
    this.isMalformed = options?.isMalformed ?? false;
    this.isWrongGuess = options?.isWrongGuess ?? false;
  }
}
