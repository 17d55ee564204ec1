import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, CompactSign, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWK } from 'jose';

interface TestKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** The RS256 keys of a test issuer: the newest signs, all are published. */
export class TestKeys {
  readonly #keys: TestKey[] = [];

  /** Makes a key that signs from now on. @returns its `kid`, an RFC 7638 thumbprint */
  async rotate(): Promise<string> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    this.#keys.push({ kid, privateKey, publicJwk: { ...jwk, kid, alg: 'RS256', use: 'sig' } });
    return kid;
  }

  /** The JWKS (RFC 7517 §5). */
  document(): { readonly keys: readonly JWK[] } {
    return { keys: this.#keys.map(({ publicJwk }) => publicJwk) };
  }

  /** Signs `claims` as they are. Members that are `undefined` are left out. */
  async sign(
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>>,
  ): Promise<string> {
    const key = this.#keys.at(-1);
    if (!key) throw new Error('the test issuer has no key yet');
    const protectedHeader = { alg: 'RS256', typ: 'at+jwt', kid: key.kid, ...header };
    return new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader(protectedHeader)
      .sign(key.privateKey);
  }
}

/** The claims of a good access token (RFC 9068) for a signed-in customer, five minutes long, never the same twice. */
export function goodClaims(issuer: string): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    sub: 'a-customer',
    aud: ['identity', 'orders', 'payments'],
    exp: now + 300,
    iat: now,
    jti: randomUUID(),
    client_id: 'first-party',
    sid: randomUUID(),
    auth_time: now,
    scope: 'orders:read orders:write payments:read payments:write',
    roles: ['customer'],
  };
}
