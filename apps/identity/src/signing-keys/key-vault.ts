import type { JWK } from 'jose';
import type { Sealed } from '../sealing/sealed.js';
import type { Signer } from './signer.js';

/** A fresh key as it is stored. */
export interface NewSigningKey {
  readonly kid: string;
  readonly publicJwk: JWK;
  /** What {@link KeyVault.open} needs to sign with it: the private key, or the name of one that is kept elsewhere. */
  readonly privateKey: Sealed;
}

/** Where private keys are made and kept. The key ring knows no more of them than this. */
export abstract class KeyVault {
  /** Makes a key that can sign RS256. */
  abstract make(): Promise<NewSigningKey>;

  /**
   * The signer of a stored key. Asks nobody: that is for its `sign`.
   *
   * @throws {UnsealFailed} when what is stored cannot be opened
   */
  abstract open(kid: string, privateKey: Sealed): Signer;
}
