import { CompactSign } from 'jose';
import type { CryptoKey, JWTPayload, KeyObject } from 'jose';

/** Signs with one key. Asynchronous, so that the key may as well live in another machine. */
export interface Signer {
  readonly kid: string;
  /** @returns the access token in compact form (RFC 9068: `typ` is `at+jwt`) */
  sign(claims: JWTPayload): Promise<string>;
}

/** A signer whose private key is held in memory. */
export function createLocalSigner(kid: string, privateKey: CryptoKey | KeyObject): Signer {
  return {
    kid,
    sign: (claims) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid })
        .sign(privateKey),
  };
}
