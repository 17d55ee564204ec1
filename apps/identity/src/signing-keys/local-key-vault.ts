import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { Injectable } from '@nestjs/common';
import { MasterKeys } from '../sealing/master-keys.js';
import type { Sealed } from '../sealing/sealed.js';
import { KeyVault } from './key-vault.js';
import type { NewSigningKey } from './key-vault.js';
import { sealSigningKey, unsealSigningKey } from './sealed-signing-key.js';
import { createLocalSigner } from './signer.js';
import type { Signer } from './signer.js';

const generate = promisify(generateKeyPair);

/** Makes RSA-2048 keys in this process and keeps them in the database, sealed under the master key. */
@Injectable()
export class LocalKeyVault extends KeyVault {
  constructor(private readonly masterKeys: MasterKeys) {
    super();
  }

  async make(): Promise<NewSigningKey> {
    const { privateKey } = await generate('rsa', { modulusLength: 2048, publicExponent: 0x10001 });
    return sealSigningKey(this.masterKeys, privateKey);
  }

  open(kid: string, sealed: Sealed): Signer {
    return createLocalSigner(kid, unsealSigningKey(this.masterKeys, kid, sealed));
  }
}
