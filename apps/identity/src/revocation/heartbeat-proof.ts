import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import { formatPosition, parsePosition } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { seal, unseal } from '../sealing/sealed.js';

const BOUND_TO = 'heartbeat-proof-key';

export const SEALED_PROOF_KEY: SealedColumn = {
  table: 'revocation_head',
  key: { column: 'single', type: 'boolean' },
  box: 'sealed_proof_key',
  masterKey: 'master_key_id',
  boundTo: () => BOUND_TO,
};

/** Puts another key in its place. Running replicas go on with the one that they have until they start again. */
export async function replaceProofKey(database: Database, masterKeys: MasterKeys): Promise<number> {
  await database.transaction((tx) => storeNewKey(tx, masterKeys));
  return 1;
}

async function storeNewKey(tx: EntityManager, masterKeys: MasterKeys): Promise<Buffer> {
  const key = randomBytes(32);
  const { box, masterKeyId } = seal(masterKeys, key, BOUND_TO);
  await tx.query(`UPDATE revocation_head SET sealed_proof_key = $1, master_key_id = $2`, [
    box,
    masterKeyId,
  ]);
  return key;
}

/**
 * Makes the `proof` of heartbeats: an HMAC-SHA-256 over epoch and head, under a key that only identity holds. Who presents
 * it later has seen that head announced by an identity of this database's history.
 */
@Injectable()
export class HeartbeatProof {
  #key: Buffer | undefined;

  constructor(
    private readonly database: Database,
    private readonly masterKeys: MasterKeys,
  ) {}

  /** Opens the key, making it when there is none. @throws {UnsealFailed} when it cannot be opened */
  async load(): Promise<void> {
    this.#key = await this.database.transaction(async (tx) => {
      const [row] = await tx.query<
        [{ sealed_proof_key: Buffer | null; master_key_id: string | null }]
      >(`SELECT sealed_proof_key, master_key_id FROM revocation_head FOR UPDATE`);
      if (row.sealed_proof_key && row.master_key_id !== null) {
        return unseal(
          this.masterKeys,
          { masterKeyId: row.master_key_id, box: row.sealed_proof_key },
          BOUND_TO,
        );
      }
      return storeNewKey(tx, this.masterKeys);
    });
  }

  /** `epoch.seq.mac`; opaque to readers. @throws {TypeError} before {@link load} */
  proofOf(head: Position): string {
    const position = formatPosition(head);
    return `${position}.${this.#mac(position).toString('base64url')}`;
  }

  /** The head that a proof of ours stands for; `undefined` when it is none. */
  read(proof: string): Position | undefined {
    const end = proof.lastIndexOf('.');
    const position = proof.slice(0, Math.max(end, 0));
    const mac = Buffer.from(proof.slice(end + 1), 'base64url');
    const expected = this.#mac(position);
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) return undefined;
    return parsePosition(position);
  }

  /** A key for something else that only identity must be able to do: 256 bits derived from this one (HKDF, RFC 5869). */
  keyFor(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#secret(), '', `countersign ${purpose}`, 32));
  }

  #mac(position: string): Buffer {
    return createHmac('sha256', this.#secret()).update(position).digest();
  }

  #secret(): Buffer {
    if (!this.#key) throw new TypeError('the heartbeat proof key has not been loaded');
    return this.#key;
  }
}
