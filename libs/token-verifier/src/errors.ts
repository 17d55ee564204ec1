const REJECTED = Symbol.for('countersign.TokenRejected');
const UNAVAILABLE = Symbol.for('countersign.VerifierUnavailable');

/** Why a token is bad. A closed list: the caller can do nothing but present another token. */
export const REJECTION_CODES = [
  'malformed',
  'unexpected_type',
  'algorithm_not_allowed',
  'unknown_key',
  'bad_signature',
  'wrong_issuer',
  'wrong_audience',
  'expired',
  'not_yet_valid',
  'revoked',
] as const;
export type RejectionCode = (typeof REJECTION_CODES)[number];

/** Why the verifier cannot decide. The token may be good. */
export const UNAVAILABILITY_CODES = ['keys_unreachable', 'revocation_unreachable'] as const;
export type UnavailabilityCode = (typeof UNAVAILABILITY_CODES)[number];

/**
 * The token is bad: answer 401 with `error="invalid_token"` (RFC 6750 §3.1).
 *
 * `reason` is fixed text for logs; neither it nor the message ever holds a part of the token.
 */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected';

  constructor(
    readonly code: RejectionCode,
    readonly reason: string,
  ) {
    super(`token rejected: ${code} (${reason})`);
    Object.defineProperty(this, REJECTED, { value: true });
  }
}

/** The verifier cannot decide: answer 503 with `Retry-After`, never 401. */
export class VerifierUnavailable extends Error {
  override readonly name = 'VerifierUnavailable';

  constructor(
    readonly code: UnavailabilityCode,
    readonly reason: string,
  ) {
    super(`verifier unavailable: ${code} (${reason})`);
    Object.defineProperty(this, UNAVAILABLE, { value: true });
  }
}

/** Recognises a {@link TokenRejected} also when it comes from another copy of this package. */
export function isTokenRejected(error: unknown): error is TokenRejected {
  return hasBrand(error, REJECTED);
}

/** Recognises a {@link VerifierUnavailable} also when it comes from another copy of this package. */
export function isVerifierUnavailable(error: unknown): error is VerifierUnavailable {
  return hasBrand(error, UNAVAILABLE);
}

function hasBrand(error: unknown, brand: symbol): boolean {
  return typeof error === 'object' && error !== null && brand in error;
}
