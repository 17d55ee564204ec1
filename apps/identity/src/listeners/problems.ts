import { GENERAL_PROBLEMS, makeProblem } from '@countersign/service-host';
import type { ProblemAnswer } from '@countersign/service-host';
import { REFUSALS } from '@countersign/token-verifier';
import { FORWARD_AUTH_PROBLEMS } from '../forward-auth/forward-auth-problems.js';
import { DomainError } from '../platform/domain-error.js';
import type { DomainErrorCode } from '../platform/domain-error.js';

interface Row {
  readonly status: number;
  readonly title: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 6750 §3.1: the token that was presented is of no use any more. */
const INVALID_TOKEN = {
  'www-authenticate': 'Bearer realm="countersign", error="invalid_token"',
} as const;

/** How each refusal is answered over HTTP. */
const PROBLEMS = {
  invalid_input: GENERAL_PROBLEMS.invalid_input,
  credentials_rejected: {
    status: 401,
    title: 'The address or the password is wrong',
    headers: { 'www-authenticate': 'Bearer realm="countersign"' },
  },
  // Not 401: the session goes on, and signing in again is not what is asked for.
  current_password_rejected: { status: 403, title: 'The current password is wrong' },
  recent_sign_in_required: {
    status: 403,
    title: 'The current password or a sign-in of the last minutes is required',
  },
  email_token_rejected: { status: 400, title: 'The token is unknown, expired or spent' },
  unknown_client: { status: 400, title: 'The client is not known here' },
  client_disabled: {
    status: 401,
    title: 'The client is disabled',
    headers: INVALID_TOKEN,
  },
  client_exists: { status: 409, title: 'There is a client of this id already' },
  no_such_client: { status: 404, title: 'There is no such client' },
  public_client: { status: 409, title: 'The client is public: it has no secret and no scopes' },
  default_client: { status: 409, title: 'People sign in through this client by default' },
  audience_not_allowed: { status: 400, title: 'The client cannot have these audiences' },
  account_exists: { status: 409, title: 'There is an account already' },
  session_ended: {
    status: 401,
    title: 'The session has ended',
    headers: INVALID_TOKEN,
  },
  refresh_token_rejected: {
    status: 401,
    title: 'The refresh token is unknown, or not good any more',
    headers: INVALID_TOKEN,
  },
  refresh_token_replayed: {
    status: 401,
    title: 'The refresh token had been used before: its session has ended',
    headers: INVALID_TOKEN,
  },
  store_behind: {
    status: 401,
    title: 'The session cannot be carried on: signing in again can',
    headers: INVALID_TOKEN,
  },
  too_many_attempts: { status: 429, title: 'Too many attempts' },
  overloaded: { status: 503, title: 'Too much at once', headers: { 'retry-after': '1' } },
  revocation_in_progress: {
    status: 503,
    title: 'A revocation is going on',
    headers: { 'retry-after': '2' },
  },
  client_credentials_rejected: {
    status: 401,
    title: 'The client credentials are missing or wrong',
    headers: { 'www-authenticate': 'Basic realm="countersign", charset="UTF-8"' },
  },
  operator_token_rejected: {
    status: 401,
    title: 'An operator token is required',
    headers: { 'www-authenticate': 'Bearer realm="countersign operator"' },
  },
  operator_role_missing: { status: 403, title: 'The operator has no role for this' },
  operator_exists: { status: 409, title: 'There is an operator of this name already' },
  unknown_operator: { status: 404, title: 'There is no such operator' },
  unknown_session: { status: 404, title: 'There is no such session' },
  unknown_account: { status: 404, title: 'There is no such account' },
  unknown_revocation: { status: 404, title: 'There is no such revocation, or none any more' },
  unknown_relying_service: { status: 404, title: 'There is no such relying service' },
  relying_service_exists: { status: 409, title: 'There is a relying service of this id already' },
  declared_in_file: { status: 409, title: 'The relying service is declared in a file' },
  rotation_in_progress: { status: 409, title: 'Two secrets are valid already' },
  unknown_signing_key: { status: 404, title: 'There is no such signing key' },
  signing_key_in_use: { status: 409, title: 'The signing key is in use' },
  signing_key_revoked: { status: 409, title: 'The signing key has been revoked already' },
  signing_key_exists: { status: 409, title: 'The signing key is here already' },
  too_many_signing_keys: { status: 409, title: 'Too many signing keys wait to sign' },
  cutoff_in_future: { status: 400, title: 'The cut-off lies in the future' },
  database_unavailable: {
    status: 503,
    title: 'The service cannot answer right now',
    headers: { 'retry-after': '2' },
  },
} as const satisfies Record<DomainErrorCode, Row>;

/** Every problem that identity answers with. */
export const ALL_PROBLEMS = {
  ...GENERAL_PROBLEMS,
  ...REFUSALS,
  ...FORWARD_AUTH_PROBLEMS,
  ...PROBLEMS,
};

/** The answer to a {@link DomainError}; `undefined` for any other error. */
export function domainProblem(error: unknown): ProblemAnswer | undefined {
  if (!(error instanceof DomainError)) return undefined;
  const row: Row = PROBLEMS[error.code];
  const { retryAfterSeconds: after } = error;
  const headers = {
    ...row.headers,
    ...(after !== undefined && { 'retry-after': String(after) }),
  };
  return {
    problem: makeProblem(error.code, row, {
      detail: error.detail,
      ...(error.errors && { errors: error.errors }),
    }),
    headers,
  };
}
