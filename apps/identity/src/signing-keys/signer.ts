import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** Signs with one key. Asynchronous, since the key may live in another machine (a KMS, an HSM). */
export interface Signer {
  readonly kid: string;
  /** @returns the RS256 signature of these bytes (RFC 7518 §3.3) */
  sign(content: Uint8Array): Promise<Uint8Array>;
}

/**
 * A signer whose private key is held in memory. It signs on the spot: in the thread pool a signature takes the processor as long, and
 * waits for its turn behind whatever else is there.
 */
export function createLocalSigner(kid: string, privateKey: KeyObject): Signer {
  return {
    kid,
    sign: (content) =>
      new Promise((resolve) => {
        resolve(sign('sha256', content, privateKey));
      }),
  };
}
