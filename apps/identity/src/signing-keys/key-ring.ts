import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { makeSigningKey, openSigningKey } from './make-signing-key.js';
import { createJwksDocument } from './jwks-document.js';
import type { JwksDocument } from './jwks-document.js';
import type { Signer } from './signer.js';
import { isPublished, SigningKey } from './signing-key.js';

/** The signing keys of this issuer, as this process knows them. */
@Injectable()
export class KeyRing {
  #document: JwksDocument | undefined;
  readonly #signers = new Map<string, Signer>();

  constructor(
    private readonly database: Database,
    private readonly masterKeys: MasterKeys,
  ) {}

  /**
   * Loads the keys, making the first one for an empty ring, and opens what is needed to sign.
   *
   * @throws {UnsealFailed} when the active key cannot be opened: the process must not start
   */
  async load(): Promise<void> {
    const keys = await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ ...KEY_RING_LOCK, mode: 'exclusive' }]);
      const active = await tx.existsBy(SigningKey, { state: 'active' });
      if (!active) await this.#addFirstKey(tx);
      return tx.find(SigningKey, {
        where: { state: In(['prepared', 'active', 'retired']) },
        order: { preparedAt: 'ASC', kid: 'ASC' },
      });
    });
    for (const key of keys) {
      if (key.state === 'active') this.#signers.set(key.kid, openSigningKey(this.masterKeys, key));
    }
    this.#document = createJwksDocument(keys.filter(isPublished).map(({ publicJwk }) => publicJwk));
  }

  /** The published keys. @throws {TypeError} before {@link load} */
  document(): JwksDocument {
    if (!this.#document) throw new TypeError('the key ring has not been loaded');
    return this.#document;
  }

  canSign(): boolean {
    return this.#signers.size > 0;
  }

  /**
   * The key that signs now. Call inside the transaction that fixes a token's claims, with the key ring lock shared:
   * the key cannot then be revoked before the transaction ends.
   */
  async activeSigner(tx: EntityManager): Promise<Signer> {
    const { kid } = await tx.findOneOrFail(SigningKey, {
      where: { state: 'active' },
      select: { kid: true },
    });
    const known = this.#signers.get(kid);
    if (known) return known;
    const signer = openSigningKey(this.masterKeys, await tx.findOneByOrFail(SigningKey, { kid }));
    this.#signers.set(kid, signer);
    return signer;
  }

  async #addFirstKey(tx: EntityManager): Promise<void> {
    const { kid, publicJwk, privateKey } = await makeSigningKey(this.masterKeys);
    await tx.query(
      `INSERT INTO signing_keys (kid, state, public_jwk, sealed_private_key, master_key_id, prepared_at, activated_at)
       VALUES ($1, 'active', $2, $3, $4, clock_timestamp(), clock_timestamp())`,
      [kid, publicJwk, privateKey.box, privateKey.masterKeyId],
    );
  }
}
