import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** Signs with one key. Asynchronous, since the key may live in another machine (a KMS, an HSM). */
export interface Signer {
  readonly kid: string;
  /** @returns the RS256 signature of these bytes (RFC 7518 §3.3) */
  sign(content: Uint8Array): Promise<Uint8Array>;
}

const signInPool = promisify(sign);

/** A signer whose private key is held in memory. */
export function createLocalSigner(kid: string, privateKey: KeyObject): Signer {
  return { kid, sign: (content) => signInPool('sha256', content, privateKey) };
}
