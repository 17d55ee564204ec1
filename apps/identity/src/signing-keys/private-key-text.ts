import { createPrivateKey } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { z } from 'zod';

/** A private key that must not be imported. The message never holds any of it. */
export class UnusablePrivateKey extends Error {
  override readonly name = 'UnusablePrivateKey';
}

const LONGEST_TEXT = 64 * 1024;
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g;
const PEM_TYPES = ['PRIVATE KEY', 'RSA PRIVATE KEY'];

const number = z.string().regex(/^[\w-]+$/);
/** RFC 7518 §6.3, with all of the members for the Chinese remainder theorem. Others than these are not looked at. */
const privateJwk = z.object({
  kty: z.literal('RSA'),
  ...{ n: number, e: number, d: number, p: number, q: number, dp: number, dq: number, qi: number },
  oth: z.undefined().optional(),
  alg: z.literal('RS256').optional(),
  use: z.literal('sig').optional(),
  key_ops: z
    .array(z.string())
    .refine((operations) => operations.includes('sign'))
    .optional(),
});

/**
 * Reads one RSA private key: PEM (PKCS #8 or PKCS #1, not encrypted) or a JWK. Says nothing of how good it is.
 *
 * @throws {UnusablePrivateKey}
 */
export function readPrivateKey(text: string): KeyObject {
  if (text.length > LONGEST_TEXT) throw new UnusablePrivateKey('that is too long for a key');
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) return readJwk(trimmed);
  const [block, second] = trimmed.matchAll(PEM_BLOCK);
  const [pem, type = ''] = block ?? [];
  if (pem === undefined) throw new UnusablePrivateKey('that is neither PEM nor a JWK');
  if (second) throw new UnusablePrivateKey('there is more than one PEM block');
  if (type.startsWith('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(pem)) {
    throw new UnusablePrivateKey('the key is encrypted: decrypt it first ("openssl pkey -in …")');
  }
  if (!PEM_TYPES.includes(type)) {
    throw new UnusablePrivateKey(`a PEM block "${type}" is not an RSA private key`);
  }
  return imported(() => createPrivateKey({ key: pem, format: 'pem' }));
}

function readJwk(text: string): KeyObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UnusablePrivateKey('that is not JSON');
  }
  const { success, data, error } = privateJwk.safeParse(value, { reportInput: false });
  if (!success) {
    const members = [...new Set(error.issues.map(({ path }) => path.join('.')))].join(', ');
    throw new UnusablePrivateKey(`that is not a private RSA JWK for RS256: look at ${members}`);
  }
  const { n, e, d, p, q, dp, dq, qi } = data;
  const key: JsonWebKey = { kty: 'RSA', n, e, d, p, q, dp, dq, qi };
  return imported(() => createPrivateKey({ key, format: 'jwk' }));
}

function imported(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch {
    throw new UnusablePrivateKey('the key is malformed');
  }
}
