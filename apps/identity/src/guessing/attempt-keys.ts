import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { HeartbeatProof } from '../revocation/heartbeat-proof.js';

/** So many names are remembered: the next one makes room. */
const MOST_REMEMBERED = 10_000;

/** Whatever there is to be counted by. */
export type Subject = 'email' | 'address' | 'network' | 'account' | 'session' | 'client' | 'device';

/**
 * Names for what is counted, that tell nothing: an HMAC of the address or the e-mail address under a key that only identity holds.
 * The same for accounts that exist and for those that do not, and on every replica.
 */
@Injectable()
export class AttemptKeys {
  #key: Buffer | undefined;
  readonly #remembered = new Map<string, string>();

  constructor(private readonly proof: HeartbeatProof) {}

  of(subject: Subject, ...values: readonly string[]): string {
    const text = JSON.stringify([subject, ...values]);
    const known = this.#remembered.get(text);
    if (known !== undefined) return known;
    const name = this.mac(subject, ...values)
      .subarray(0, 16)
      .toString('base64url');
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(text, name);
    return name;
  }

  /** HMAC-SHA-256 over a list of texts. */
  mac(...texts: readonly string[]): Buffer {
    this.#key ??= this.proof.keyFor('guessing');
    return createHmac('sha256', this.#key).update(JSON.stringify(texts)).digest();
  }
}
