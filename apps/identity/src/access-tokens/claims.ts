import type { Client } from './client.js';

/** Whom a token speaks for. Instants are NumericDate seconds. */
export interface TokenSubject {
  readonly sub: string;
  readonly client: Pick<Client, 'id'>;
  readonly scopes: readonly string[];
  /** Only for people. */
  readonly session?: {
    readonly sid: string;
    readonly authTime: number;
    readonly expiresAt: number;
  };
  readonly roles?: readonly string[];
}

/** The claims of an access token (RFC 9068 §2.2). */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
  readonly client_id: string;
  readonly scope: string;
  readonly sid?: string;
  readonly auth_time?: number;
  readonly roles?: readonly string[];
}

/**
 * Fixes the claims of a token issued at `iat`. It lives `ttlSeconds`, and never past its session.
 */
export function claimsFor(
  subject: TokenSubject,
  issued: {
    readonly iss: string;
    readonly iat: number;
    readonly jti: string;
    readonly ttlSeconds: number;
    readonly audiences: readonly string[];
  },
): AccessTokenClaims {
  const { session } = subject;
  const exp = Math.min(
    issued.iat + issued.ttlSeconds,
    session ? Math.floor(session.expiresAt) : Infinity,
  );
  return {
    iss: issued.iss,
    sub: subject.sub,
    aud: issued.audiences,
    exp,
    iat: issued.iat,
    jti: issued.jti,
    client_id: subject.client.id,
    scope: subject.scopes.join(' '),
    ...(session && { sid: session.sid, auth_time: Math.floor(session.authTime) }),
    ...(subject.roles && { roles: subject.roles }),
  };
}
