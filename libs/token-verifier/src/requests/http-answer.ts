import { isTokenRejected, isVerifierUnavailable } from '../errors.js';
import type { RejectionCode, UnavailabilityCode } from '../errors.js';
import type { UnusableCredentials } from './request-credentials.js';

/** Why a request gets no further although its token, if it has one, was not found bad. */
export type RefusalCode = UnusableCredentials | 'insufficient_scope' | 'token_not_accepted';

/** A problem document (RFC 9457). Its texts are fixed: nothing in it comes from the request. */
export interface RefusalProblem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
}

/** How to say over HTTP that a request is refused: the same in every framework. */
export interface HttpAnswer {
  readonly status: number;
  /** To set as they are: `content-type`, and `www-authenticate` (RFC 6750 §3) or `retry-after`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly problem: RefusalProblem;
}

/** How long a caller should wait before it asks a verifier again that could not decide, seconds. */
const RETRY_AFTER_SECONDS = 5;

/** Every refusal, by its code: the ten verdicts on a token, no decision, and what is wrong with a request before or after. */
export const REFUSALS = {
  credentials_required: { status: 401, title: 'An access token is required' },
  malformed_credentials: { status: 400, title: 'The credentials are malformed' },
  multiple_credentials: { status: 400, title: 'Credentials were sent more than once' },
  origin_required: { status: 403, title: 'The request does not show that it comes from this site' },
  token_not_accepted: { status: 401, title: 'The access token is not accepted here' },
  insufficient_scope: { status: 403, title: 'The access token does not permit this' },
  malformed: { status: 401, title: 'The access token is malformed' },
  unexpected_type: { status: 401, title: 'The token is not an access token' },
  algorithm_not_allowed: { status: 401, title: 'The access token is signed by another algorithm' },
  unknown_key: { status: 401, title: 'The access token is signed by an unknown key' },
  bad_signature: { status: 401, title: 'The signature of the access token is wrong' },
  wrong_issuer: { status: 401, title: 'The access token comes from another issuer' },
  wrong_audience: { status: 401, title: 'The access token is meant for another service' },
  expired: { status: 401, title: 'The access token has expired' },
  not_yet_valid: { status: 401, title: 'The access token is not valid yet' },
  revoked: { status: 401, title: 'The access token has been revoked' },
  keys_unreachable: { status: 503, title: 'Access tokens cannot be verified right now' },
  revocation_unreachable: { status: 503, title: 'Access tokens cannot be verified right now' },
} as const satisfies Record<
  RefusalCode | RejectionCode | UnavailabilityCode,
  { readonly status: number; readonly title: string }
>;

/**
 * The answer to what `verify()` threw: 401 `invalid_token` for a bad token, 503 with `Retry-After` when no decision was
 * possible, `undefined` for anything else.
 */
export function answerToVerifyError(error: unknown): HttpAnswer | undefined {
  if (isTokenRejected(error)) return answer(error.code, challenge('error="invalid_token"'));
  if (isVerifierUnavailable(error)) {
    return answer(error.code, { 'retry-after': String(RETRY_AFTER_SECONDS) });
  }
  return undefined;
}

/**
 * The answer to a request whose credentials cannot be used. Without any, the challenge carries no error (RFC 6750 §3.1);
 * `realm` is only there because a challenge needs one parameter. Where the cookie may be good there is no challenge at all.
 */
export function answerToUnusableCredentials(code: UnusableCredentials): HttpAnswer {
  switch (code) {
    case 'credentials_required':
      return answer(code, challenge('realm="countersign"'));
    case 'malformed_credentials':
    case 'multiple_credentials':
      return answer(code, challenge('error="invalid_request"'));
    case 'origin_required':
      return answer(code, {});
  }
}

/** The answer to a token that verifies, and that the application refuses for reasons of its own. */
export function answerToUnacceptedToken(): HttpAnswer {
  return answer('token_not_accepted', challenge('error="invalid_token"'));
}

/** The answer to a good token that lacks some of the `required` scopes; the challenge names all of them. */
export function answerToMissingScope(required: readonly string[]): HttpAnswer {
  return answer(
    'insufficient_scope',
    challenge(`error="insufficient_scope", scope="${required.join(' ')}"`),
  );
}

function challenge(parameters: string): Readonly<Record<string, string>> {
  return { 'www-authenticate': `Bearer ${parameters}` };
}

function answer(
  code: keyof typeof REFUSALS,
  headers: Readonly<Record<string, string>>,
): HttpAnswer {
  const { status, title } = REFUSALS[code];
  return {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
    problem: { type: `urn:countersign:error:${code}`, title, status, code },
  };
}
