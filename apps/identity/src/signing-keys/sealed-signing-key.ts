import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import type { JWK } from 'jose';
import type { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { seal, unseal } from '../sealing/sealed.js';
import type { Sealed } from '../sealing/sealed.js';
import type { NewSigningKey } from './key-vault.js';

const boundTo = (kid: string) => `signing-key:${kid}`;

export const SEALED_PRIVATE_KEYS: SealedColumn = {
  table: 'signing_keys',
  key: { column: 'kid', type: 'text' },
  box: 'sealed_private_key',
  masterKey: 'master_key_id',
  boundTo,
};

/** Names an RSA key by its thumbprint (RFC 7638) and seals it, as PKCS #8. */
export async function sealSigningKey(
  masterKeys: MasterKeys,
  privateKey: KeyObject,
): Promise<NewSigningKey> {
  const { n = '', e = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const kid = await calculateJwkThumbprint({ kty: 'RSA', n, e });
  const publicJwk: JWK = { kty: 'RSA', n, e, alg: 'RS256', use: 'sig', kid };
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const sealed = seal(masterKeys, pkcs8, boundTo(kid));
  pkcs8.fill(0);
  return { kid, publicJwk, privateKey: sealed };
}

/** @throws {UnsealFailed} when the master key is missing or another one, or the row was changed */
export function unsealSigningKey(masterKeys: MasterKeys, kid: string, sealed: Sealed): KeyObject {
  const pkcs8 = unseal(masterKeys, sealed, boundTo(kid));
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  pkcs8.fill(0);
  return privateKey;
}
