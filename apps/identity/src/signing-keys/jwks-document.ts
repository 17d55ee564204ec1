import { createHash } from 'node:crypto';
import type { JWK } from 'jose';

/** A JWKS ready to be sent: serialised once, with its validator. */
export interface JwksDocument {
  readonly body: string;
  readonly etag: string;
  readonly keys: readonly JWK[];
}

/** Serialises public keys as a JWKS (RFC 7517 §5). Equal keys in equal order give equal bytes on every replica. */
export function createJwksDocument(keys: readonly JWK[]): JwksDocument {
  const body = JSON.stringify({ keys });
  return {
    body,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`,
    keys,
  };
}
