import { createHash, createPublicKey } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { NotStrictJson, parseStrictObject } from '../tokens/strict-json.js';
import { hasRocaFingerprint } from './roca.js';

/** Verification keys by `kid`: one immutable generation of a JWKS. */
export type KeySet = ReadonlyMap<string, KeyObject>;

/** Why a key of a good JWKS is not taken: it is not for us. */
export type SkipReason = 'another key type' | 'another alg' | 'another use' | 'not for verifying';

/** What became of a JWKS. */
export interface ReadKeySet {
  readonly keys: KeySet;
  /** The keys that were left out, by their index in the document. */
  readonly skipped: readonly { readonly index: number; readonly reason: SkipReason }[];
}

/** A JWKS that must not be used. The message names the fault, never key material. */
export class UnusableKeySet extends Error {
  override readonly name = 'UnusableKeySet';
}

const MAX_KEYS = 32;
/** Below, a key can be broken; above, each verification costs more than a service should pay. */
const MODULUS_BITS = { min: 2048, max: 8192 };
/** Small exponents forgive faulty padding, large ones make verification as slow as signing. */
const EXPONENT = { min: 65537n, max: 2n ** 32n - 1n };
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * Reads a JWKS (RFC 7517 §5) into RS256 verification keys.
 *
 * A key that is meant for something else is left out. Anything wrong with a key that is meant for us, and any secret, makes the
 * whole set unusable: whoever holds an older set is better served by that one than by part of this.
 *
 * @throws {UnusableKeySet} not a JWKS, private or symmetric members, two keys with one `kid`, an RSA key that is malformed,
 *   weak or far too large, no usable key, or more than 32 keys
 */
export function readKeySet(document: unknown): ReadKeySet {
  const listed = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(listed)) throw new UnusableKeySet('the document has no list of keys');
  if (listed.length > MAX_KEYS) throw new UnusableKeySet(`more than ${String(MAX_KEYS)} keys`);
  const keys = new Map<string, KeyObject>();
  const skipped: { index: number; reason: SkipReason }[] = [];
  for (const [index, jwk] of (listed as unknown[]).entries()) {
    const raw = asJwk(jwk);
    const reason = reasonToSkip(raw);
    if (reason !== undefined) {
      skipped.push({ index, reason });
      continue;
    }
    const kid = raw['kid'];
    if (typeof kid !== 'string' || !/^[\w-]{1,256}$/.test(kid)) {
      throw new UnusableKeySet('a key has no kid, or one that is not an identifier');
    }
    if (keys.has(kid)) throw new UnusableKeySet('two keys have one kid');
    keys.set(kid, importRsaKey(raw));
  }
  if (keys.size === 0) throw new UnusableKeySet('no RS256 verification key');
  return { keys, skipped };
}

/**
 * Reads the text of a JWKS: {@link readKeySet}, after strict JSON.
 *
 * @throws {UnusableKeySet}
 */
export function readKeySetText(text: Buffer): ReadKeySet {
  let document: unknown;
  try {
    document = parseStrictObject(text);
  } catch (error) {
    if (error instanceof NotStrictJson) throw new UnusableKeySet(`the document ${error.message}`);
    throw error;
  }
  return readKeySet(document);
}

/** The keys of {@link readKeySet}. */
export function parseKeySet(document: unknown): KeySet {
  return readKeySet(document).keys;
}

const namedByItself = new WeakMap<KeyObject, boolean>();

/** Whether `kid` is the thumbprint of the key (RFC 7638): then no other key can ever have it. */
export function isThumbprint(kid: string, key: KeyObject): boolean {
  let named = namedByItself.get(key);
  if (named === undefined) {
    const { e, n } = key.export({ format: 'jwk' });
    const content = JSON.stringify({ e, kty: 'RSA', n });
    named = createHash('sha256').update(content).digest('base64url') === kid;
    namedByItself.set(key, named);
  }
  return named;
}

function asJwk(jwk: unknown): Record<string, unknown> {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) {
    throw new UnusableKeySet('a key is not an object');
  }
  const raw = jwk as Record<string, unknown>;
  if (raw['kty'] === 'oct' || SECRET_MEMBERS.some((member) => Object.hasOwn(raw, member))) {
    throw new UnusableKeySet('a key has private or symmetric members');
  }
  return raw;
}

function reasonToSkip(jwk: Record<string, unknown>): SkipReason | undefined {
  const { kty, alg, use, key_ops: keyOps } = jwk;
  if (kty !== 'RSA') return 'another key type';
  if (alg !== undefined && alg !== 'RS256') return 'another alg';
  if (use !== undefined && use !== 'sig') return 'another use';
  if (keyOps !== undefined && !(Array.isArray(keyOps) && keyOps.includes('verify'))) {
    return 'not for verifying';
  }
  return undefined;
}

function importRsaKey(jwk: Record<string, unknown>): KeyObject {
  const n = requireNumber(jwk['n'], 'modulus');
  const e = requireNumber(jwk['e'], 'exponent');
  const modulus = Buffer.from(n, 'base64url');
  if ((modulus.at(-1) ?? 0) % 2 === 0) throw new UnusableKeySet('an RSA modulus is even');
  const key = createRsaKey(n, e);
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MODULUS_BITS.min) throw new UnusableKeySet('an RSA modulus is too short');
  if (modulusLength > MODULUS_BITS.max) throw new UnusableKeySet('an RSA modulus is too long');
  if (publicExponent < EXPONENT.min || publicExponent % 2n === 0n) {
    throw new UnusableKeySet('an RSA exponent is small or even');
  }
  if (publicExponent > EXPONENT.max) throw new UnusableKeySet('an RSA exponent is too large');
  if (hasRocaFingerprint(BigInt(`0x${modulus.toString('hex')}`))) {
    throw new UnusableKeySet('an RSA modulus can be factored (ROCA)');
  }
  return key;
}

/** A positive number as RFC 7518 §2 (Base64urlUInt) spells it: canonical base64url, no zero byte in front. */
function requireNumber(value: unknown, name: string): string {
  const bytes = Buffer.from(typeof value === 'string' ? value : '', 'base64url');
  if (bytes.length === 0 || bytes[0] === 0 || bytes.toString('base64url') !== value) {
    throw new UnusableKeySet(`an RSA ${name} is not a base64url number`);
  }
  return value;
}

function createRsaKey(n: string, e: string): KeyObject {
  try {
    return createPublicKey({ key: { kty: 'RSA', n, e } satisfies JsonWebKey, format: 'jwk' });
  } catch {
    throw new UnusableKeySet('a key cannot be imported');
  }
}
