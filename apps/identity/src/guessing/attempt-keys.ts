import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { HeartbeatProof } from '../revocation/heartbeat-proof.js';

/** Whatever there is to be counted by. */
export type Subject = 'email' | 'address' | 'network' | 'account' | 'client' | 'device';

/**
 * Names for what is counted, that tell nothing: an HMAC of the address or the e-mail address under a key that only identity holds.
 * The same for accounts that exist and for those that do not, and on every replica.
 */
@Injectable()
export class AttemptKeys {
  #key: Buffer | undefined;

  constructor(private readonly proof: HeartbeatProof) {}

  of(subject: Subject, ...values: readonly string[]): string {
    return this.mac(subject, ...values)
      .subarray(0, 16)
      .toString('base64url');
  }

  /** HMAC-SHA-256 over a list of texts. */
  mac(...texts: readonly string[]): Buffer {
    this.#key ??= this.proof.keyFor('guessing');
    return createHmac('sha256', this.#key).update(JSON.stringify(texts)).digest();
  }
}
