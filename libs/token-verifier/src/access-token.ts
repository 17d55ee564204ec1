import type { RevocableToken } from '@countersign/revocation';
import { TokenRejected } from './errors.js';

/** A verified access token (RFC 9068). Instants are NumericDate seconds. */
export interface AccessToken {
  readonly issuer: string;
  /** Who it speaks for: a user's id, or the client's id for a service token. */
  readonly subject: string;
  readonly audience: readonly string[];
  readonly expiresAt: number;
  readonly issuedAt: number;
  readonly tokenId: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly keyId: string;
  /** Only for people: the session that the token belongs to, when they signed in, and their roles. */
  readonly sessionId?: string;
  readonly authTime?: number;
  readonly roles: readonly string[];
  /** The token as it was presented, for handing on. Not enumerable, so that it does not end up in a log. */
  readonly encoded: string;
}

/** What a token must say to be believed. */
export interface Expectations {
  readonly issuer: string;
  readonly audience: string;
  /** NumericDate seconds. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
}

/**
 * Checks the claims of an access token whose signature has been verified, in the order of RFC 9068 §4: issuer, audience,
 * then the instants, then the rest.
 *
 * @throws {TokenRejected} `malformed`, `wrong_issuer`, `wrong_audience`, `expired` or `not_yet_valid`
 */
export function readAccessToken(
  claims: Readonly<Record<string, unknown>>,
  keyId: string,
  encoded: string,
  expected: Expectations,
): AccessToken {
  const issuer = text(claims, 'iss');
  const audience = audiences(claims);
  const expiresAt = instant(claims, 'exp');
  const issuedAt = instant(claims, 'iat');
  if (issuer !== expected.issuer) throw new TokenRejected('wrong_issuer', 'iss is another issuer');
  if (!audience.includes(expected.audience)) {
    throw new TokenRejected('wrong_audience', 'aud does not name this service');
  }
  if (expiresAt + expected.clockToleranceSeconds <= expected.now) {
    throw new TokenRejected('expired', 'exp has passed');
  }
  const notBefore = claims['nbf'] === undefined ? issuedAt : instant(claims, 'nbf');
  if (Math.max(issuedAt, notBefore) > expected.now + expected.clockToleranceSeconds) {
    throw new TokenRejected('not_yet_valid', 'iat or nbf lies in the future');
  }
  if (expiresAt - issuedAt > expected.maxLifetimeSeconds || expiresAt <= issuedAt) {
    throw new TokenRejected('malformed', 'exp and iat make no believable lifetime');
  }
  const sessionId = claims['sid'] === undefined ? undefined : text(claims, 'sid');
  const authTime = claims['auth_time'] === undefined ? undefined : instant(claims, 'auth_time');
  const token = {
    issuer,
    subject: text(claims, 'sub'),
    audience,
    expiresAt,
    issuedAt,
    tokenId: text(claims, 'jti'),
    clientId: text(claims, 'client_id'),
    scopes: scopes(claims),
    keyId,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(authTime === undefined ? {} : { authTime }),
    roles: roles(claims),
  };
  return Object.defineProperty(token, 'encoded', { value: encoded }) as AccessToken;
}

/** The identifiers by which a token can be revoked. */
export function revocable(token: AccessToken): RevocableToken {
  return {
    jti: token.tokenId,
    sub: token.subject,
    clientId: token.clientId,
    kid: token.keyId,
    iat: token.issuedAt,
    sid: token.sessionId,
  };
}

const MAX_TEXT_LENGTH = 512;

function text(claims: Readonly<Record<string, unknown>>, name: string): string {
  const value = claims[name];
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT_LENGTH) {
    throw new TokenRejected('malformed', `${name} is missing or not a string`);
  }
  return value;
}

function instant(claims: Readonly<Record<string, unknown>>, name: string): number {
  const value = claims[name];
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new TokenRejected('malformed', `${name} is missing or not a NumericDate`);
  }
  return value;
}

function audiences(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const value = claims['aud'];
  const list: unknown = typeof value === 'string' ? [value] : value;
  if (!isTextList(list) || list.length === 0) {
    throw new TokenRejected('malformed', 'aud is missing or not a list of strings');
  }
  return list;
}

function scopes(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const value = claims['scope'];
  if (value === undefined || value === '') return [];
  if (typeof value !== 'string') throw new TokenRejected('malformed', 'scope is not a string');
  return value.split(' ');
}

function roles(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const value = claims['roles'];
  if (value === undefined) return [];
  if (!isTextList(value)) throw new TokenRejected('malformed', 'roles is not a list of strings');
  return value;
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
