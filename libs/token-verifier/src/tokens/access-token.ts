import { TokenRejected } from '../errors.js';
import type { Claims } from './plain-claims.js';
import { shareLists, shareSplit, shareTexts } from './shared-values.js';

/** A verified access token (RFC 9068). Frozen: it is shared by all who present it. Instants are NumericDate seconds. */
export interface AccessToken {
  readonly issuer: string;
  /** Who it speaks for: a user's id, or the client's id for a service token. */
  readonly subject: string;
  readonly audience: readonly string[];
  readonly expiresAt: number;
  readonly issuedAt: number;
  /** `nbf`; `iat` when there is none. */
  readonly notBefore: number;
  readonly tokenId: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly keyId: string;
  /** Only for people: the session that the token belongs to, when they signed in, and their roles. */
  readonly sessionId: string | undefined;
  readonly authTime: number | undefined;
  readonly roles: readonly string[];
  /** The token as it was presented, for handing on. Not among its own members, so that it does not end up in a log. */
  readonly encoded: string;
}

/** What every token of a verifier must agree with. */
export interface TokenPolicy {
  readonly issuer: string;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
}

class FrozenAccessToken implements AccessToken {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: readonly string[];
  readonly expiresAt: number;
  readonly issuedAt: number;
  readonly notBefore: number;
  readonly tokenId: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly keyId: string;
  readonly sessionId: string | undefined;
  readonly authTime: number | undefined;
  readonly roles: readonly string[];
  readonly #encoded: string;

  constructor(claims: Claims, keyId: string, encoded: string) {
    this.issuer = sameIssuer(text(claims, 'iss'));
    this.audience = audiences(claims);
    this.expiresAt = instant(claims, 'exp');
    this.issuedAt = instant(claims, 'iat');
    this.notBefore = claims.nbf === undefined ? this.issuedAt : instant(claims, 'nbf');
    this.subject = text(claims, 'sub');
    this.tokenId = text(claims, 'jti');
    this.clientId = sameClient(text(claims, 'client_id'));
    this.scopes = scopes(claims);
    this.sessionId = claims.sid === undefined ? undefined : text(claims, 'sid');
    this.authTime = claims.auth_time === undefined ? undefined : instant(claims, 'auth_time');
    this.roles = roles(claims);
    this.keyId = keyId;
    this.#encoded = encoded;
    Object.freeze(this);
  }

  get encoded(): string {
    return this.#encoded;
  }
}

/**
 * Reads the claims of an access token (RFC 9068 §2.2): all required ones there, all of the right type. Believes nothing yet.
 *
 * @throws {TokenRejected} `malformed`
 */
export function readAccessToken(claims: Claims, keyId: string, encoded: string): AccessToken {
  return new FrozenAccessToken(claims, keyId, encoded);
}

/**
 * Checks what a token says against what one caller expects now, in the order of RFC 9068 §4. Cheap; done on every call.
 *
 * @param now NumericDate seconds
 * @throws {TokenRejected} `wrong_issuer`, `wrong_audience`, `expired`, `not_yet_valid`, or `malformed` for an impossible lifetime
 */
export function checkAccessToken(
  token: AccessToken,
  audience: string,
  now: number,
  policy: TokenPolicy,
): void {
  const { expiresAt, issuedAt, notBefore } = token;
  const { clockToleranceSeconds: tolerance } = policy;
  if (token.issuer !== policy.issuer) {
    throw new TokenRejected('wrong_issuer', 'iss is another issuer');
  }
  if (!token.audience.includes(audience)) {
    throw new TokenRejected('wrong_audience', 'aud does not name this service');
  }
  if (expiresAt + tolerance <= now) throw new TokenRejected('expired', 'exp has passed');
  if (issuedAt > now + tolerance || notBefore > now + tolerance) {
    throw new TokenRejected('not_yet_valid', 'iat or nbf lies in the future');
  }
  if (expiresAt - issuedAt > policy.maxLifetimeSeconds || expiresAt <= issuedAt) {
    throw new TokenRejected('malformed', 'exp and iat make no believable lifetime');
  }
}

const sameIssuer = shareTexts();
const sameClient = shareTexts();
const sameAudience = shareLists();
const sameRoles = shareLists();
const sameScopes = shareSplit();

/** As long as what a revocation can name: a token with a longer id could not be revoked by it. */
const MAX_TEXT_LENGTH = 256;
const NONE: readonly string[] = Object.freeze([]);

function text(claims: Claims, name: keyof Claims): string {
  const value = claims[name];
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT_LENGTH) {
    throw new TokenRejected('malformed', `${name} is missing or not a string`);
  }
  return value;
}

function instant(claims: Claims, name: keyof Claims): number {
  const value = claims[name];
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new TokenRejected('malformed', `${name} is missing or not a NumericDate`);
  }
  return value;
}

function audiences({ aud }: Claims): readonly string[] {
  const list = sameAudience(typeof aud === 'string' ? [aud] : aud);
  if (!list || list.length === 0) {
    throw new TokenRejected('malformed', 'aud is missing or not a list of strings');
  }
  return list;
}

function scopes(claims: Claims): readonly string[] {
  const value = claims.scope;
  if (value === undefined || value === '') return NONE;
  if (typeof value !== 'string') throw new TokenRejected('malformed', 'scope is not a string');
  return sameScopes(value);
}

function roles(claims: Claims): readonly string[] {
  if (claims.roles === undefined) return NONE;
  const list = sameRoles(claims.roles);
  if (!list) throw new TokenRejected('malformed', 'roles is not a list of strings');
  return list;
}
