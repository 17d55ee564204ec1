import { createHash, generateKeyPair, randomUUID, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** Not the type of node:crypto: its name has moved from version to version of its declarations. */
type PublicJwk = Readonly<Record<string, unknown>>;

interface TestKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: PublicJwk;
}

const makeKeyPair = promisify(generateKeyPair);

/** The RS256 keys of a test issuer: the newest signs, all are published that were not withdrawn. */
export class TestKeys {
  readonly #keys: TestKey[] = [];
  readonly #withdrawn = new Set<string>();

  /** Makes a key that signs from now on. @returns its `kid`, an RFC 7638 thumbprint */
  async rotate(): Promise<string> {
    const { privateKey, publicKey } = await makeKeyPair('rsa', { modulusLength: 2048 });
    const jwk = publicKey.export({ format: 'jwk' });
    // RFC 7638 §3.2: the required members alone, in this order, without spaces.
    const required = JSON.stringify({ e: jwk.e, kty: jwk.kty, n: jwk.n });
    const kid = createHash('sha256').update(required).digest('base64url');
    this.#keys.push({ kid, privateKey, publicJwk: { ...jwk, kid, alg: 'RS256', use: 'sig' } });
    return kid;
  }

  /** The JWKS (RFC 7517 §5). */
  document(): { readonly keys: readonly PublicJwk[] } {
    const published = this.#keys.filter(({ kid }) => !this.#withdrawn.has(kid));
    return { keys: published.map(({ publicJwk }) => publicJwk) };
  }

  /** Takes a key out of the JWKS. */
  withdraw(kid: string): void {
    this.#withdrawn.add(kid);
  }

  /** Signs `claims` by RS256 as they are, whatever `header` says. Members that are `undefined` are left out. */
  sign(
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>>,
  ): string {
    const key = this.#keys.at(-1);
    if (!key) throw new Error('the test issuer has no key yet');
    const input = [{ alg: 'RS256', typ: 'at+jwt', kid: key.kid, ...header }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${input}.${sign('sha256', Buffer.from(input), key.privateKey).toString('base64url')}`;
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
