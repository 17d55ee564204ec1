import { createHmac, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import { formatPosition } from '@countersign/revocation';
import { Database } from '../platform/database.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { seal, unseal } from '../sealing/sealed.js';

const BOUND_TO = 'heartbeat-proof-key';

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
      const key = randomBytes(32);
      const { box, masterKeyId } = seal(this.masterKeys, key, BOUND_TO);
      await tx.query(`UPDATE revocation_head SET sealed_proof_key = $1, master_key_id = $2`, [
        box,
        masterKeyId,
      ]);
      return key;
    });
  }

  /** @throws {TypeError} before {@link load} */
  proofOf(head: Position): string {
    if (!this.#key) throw new TypeError('the heartbeat proof key has not been loaded');
    return createHmac('sha256', this.#key).update(formatPosition(head)).digest('base64url');
  }
}
