import type { AccessToken } from '../tokens/access-token.js';
import { requireKnownNames } from '../known-names.js';
import { readBearerCredentials } from './bearer-credentials.js';
import {
  answerToMissingScope,
  answerToUnusableCredentials,
  answerToVerifyError,
} from './http-answer.js';
import type { HttpAnswer } from './http-answer.js';
import type { TokenVerifier, VerifyOptions } from '../token-verifier.js';

/** What a route asks for beyond a good token. */
export interface RequestRequirements extends VerifyOptions {
  /** All of them must be in the token. Default none. */
  readonly scopes?: readonly string[];
}

/** Who makes a request, or how to refuse it. Exactly one of the two is there. */
export type AuthenticatedRequest =
  | { readonly token: AccessToken; readonly refusal?: undefined }
  | { readonly token?: undefined; readonly refusal: HttpAnswer };

/**
 * Reads the access token of an HTTP request from its `Authorization` header, verifies it and looks at its scopes. For servers
 * without a framework of ours: send the refusal, or go on with the token.
 *
 * Does not read cookies, the query string or the body.
 *
 * @param rawHeaders names and values in turn as they arrived (`rawHeaders` of `node:http`)
 * @throws whatever is not about this request: {@link TypeError} when no audience is configured and none was given, and for
 *   requirements that make no sense
 */
export async function authenticateRequest(
  verifier: Pick<TokenVerifier, 'verify'>,
  rawHeaders: readonly string[],
  requirements: RequestRequirements = {},
): Promise<AuthenticatedRequest> {
  checkRequirements(requirements);
  const { scopes = [], ...options } = requirements;
  const credentials = readBearerCredentials(rawHeaders);
  if ('missing' in credentials) {
    return { refusal: answerToUnusableCredentials(credentials.missing) };
  }
  try {
    const token = await verifier.verify(credentials.token, options);
    if (scopes.every((scope) => token.scopes.includes(scope))) return { token };
    return { refusal: answerToMissingScope(scopes) };
  } catch (error) {
    const refusal = answerToVerifyError(error);
    if (!refusal) throw error;
    return { refusal };
  }
}

/**
 * A misspelt requirement would be none.
 *
 * @throws {TypeError}
 */
export function checkRequirements(requirements: RequestRequirements): void {
  requireKnownNames('a request', requirements, ['scopes', 'audience', 'staleRevocations']);
  if (!Array.isArray(requirements.scopes ?? [])) throw new TypeError('scopes must be a list');
}
