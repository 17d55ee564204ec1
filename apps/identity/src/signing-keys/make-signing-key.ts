import { createPrivateKey } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import type { MasterKeys } from '../sealing/master-keys.js';
import { seal, unseal } from '../sealing/sealed.js';
import type { Sealed } from '../sealing/sealed.js';
import { createLocalSigner } from './signer.js';
import type { Signer } from './signer.js';

/** A fresh key as it is stored. */
export interface NewSigningKey {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly privateKey: Sealed;
}

/** Generates an RSA-2048 key; the private half leaves this function sealed, never in clear. */
export async function makeSigningKey(masterKeys: MasterKeys): Promise<NewSigningKey> {
  const pair = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const { n, e } = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint({ kty: 'RSA', n: n ?? '', e: e ?? '' });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
  const publicJwk: JWK = { kty: 'RSA', n: n ?? '', e: e ?? '', alg: 'RS256', use: 'sig', kid };
  const privateKey = seal(masterKeys, pkcs8, boundTo(kid));
  pkcs8.fill(0);
  return { kid, publicJwk, privateKey };
}

/**
 * Opens a stored key for signing.
 *
 * @throws {UnsealFailed} when the master key is missing or another one, or the row was changed
 */
export function openSigningKey(masterKeys: MasterKeys, kid: string, sealed: Sealed): Signer {
  const pkcs8 = unseal(masterKeys, sealed, boundTo(kid));
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  pkcs8.fill(0);
  return createLocalSigner(kid, privateKey);
}

function boundTo(kid: string): string {
  return `signing-key:${kid}`;
}
