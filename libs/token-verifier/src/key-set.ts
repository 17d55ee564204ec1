import { createPublicKey } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';

/** Verification keys by `kid`: one immutable generation of a JWKS. */
export type KeySet = ReadonlyMap<string, KeyObject>;

/** A JWKS that must not be used. The message names the fault, never key material. */
export class UnusableKeySet extends Error {
  override readonly name = 'UnusableKeySet';
}

const MAX_KEYS = 32;
const MIN_MODULUS_BITS = 2048;
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * Reads a JWKS (RFC 7517 §5) into RS256 verification keys. Keys of other types or uses are left out.
 *
 * @throws {UnusableKeySet} when the whole set cannot be trusted: not a JWKS, private or symmetric members, two keys
 *   with one `kid`, a weak RSA key, no usable key, or more than 32 keys
 */
export function parseKeySet(document: unknown): KeySet {
  const listed = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(listed)) throw new UnusableKeySet('the document has no list of keys');
  if (listed.length > MAX_KEYS) throw new UnusableKeySet(`more than ${String(MAX_KEYS)} keys`);
  const keys = new Map<string, KeyObject>();
  for (const jwk of listed as unknown[]) {
    if (typeof jwk !== 'object' || jwk === null) throw new UnusableKeySet('a key is not an object');
    const raw = jwk as Record<string, unknown>;
    if (PRIVATE_MEMBERS.some((member) => member in raw)) {
      throw new UnusableKeySet('a key has private or symmetric members');
    }
    if (!isForRs256(raw)) continue;
    const kid = raw['kid'];
    if (typeof kid !== 'string' || kid === '' || kid.length > 256) {
      throw new UnusableKeySet('a key has no kid');
    }
    if (keys.has(kid)) throw new UnusableKeySet('two keys have one kid');
    keys.set(kid, importRsaKey(raw));
  }
  if (keys.size === 0) throw new UnusableKeySet('no RS256 verification key');
  return keys;
}

function isForRs256(jwk: Record<string, unknown>): boolean {
  const { kty, alg, use, key_ops: keyOps } = jwk;
  return (
    kty === 'RSA' &&
    (alg === undefined || alg === 'RS256') &&
    (use === undefined || use === 'sig') &&
    (keyOps === undefined || (Array.isArray(keyOps) && keyOps.includes('verify')))
  );
}

function importRsaKey(jwk: Record<string, unknown>): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({
      key: { kty: 'RSA', n: jwk['n'], e: jwk['e'] } as JsonWebKey,
      format: 'jwk',
    });
  } catch {
    throw new UnusableKeySet('a key cannot be imported');
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_MODULUS_BITS) throw new UnusableKeySet('an RSA modulus is too short');
  if (publicExponent < 65537n || publicExponent % 2n === 0n) {
    throw new UnusableKeySet('an RSA exponent is small or even');
  }
  return key;
}
