import { ExpiringMap } from './expiring-map.js';
import { UuidSet } from './uuid-set.js';
import { readLastWord, readUuid } from './uuid-words.js';

const MAX_EXPIRY = 2 ** 32 - 1;
/** Where a UUID is read to; nothing is kept in it between calls. */
const words = new Int32Array(4);

/**
 * Exact identifiers that are revoked, each until its end. UUIDs as identity makes them take 20 bytes in a table of their own;
 * any other text is kept as it is.
 */
export class RevokedIds {
  readonly #uuids = new UuidSet();
  readonly #others = new ExpiringMap<{ readonly expiresAt: number }>();

  get size(): number {
    return this.#uuids.size + this.#others.size;
  }

  has(id: string): boolean {
    return this.#hasUuid(id) || this.#others.get(id) !== undefined;
  }

  /** Keeps the later of two ends. @returns whether that changed anything */
  add(id: string, expiresAt: number): boolean {
    if (readUuid(id, words)) {
      const whole = Math.min(Math.max(Math.ceil(expiresAt), 1), MAX_EXPIRY);
      const result = this.#uuids.add(words, whole);
      if (result !== 'full') return result === 'changed';
    }
    if ((this.#others.get(id)?.expiresAt ?? -1) >= expiresAt) return false;
    this.#others.set(id, { expiresAt });
    return true;
  }

  /** From now on, what ended before `horizon` (NumericDate seconds) is not there. */
  sweep(horizon: number): void {
    this.#uuids.sweep(horizon);
    this.#others.sweep(horizon);
  }

  /** What is not there is told from a quarter, and what is from the whole. */
  #hasUuid(id: string): boolean {
    return this.#uuids.mayHave(readLastWord(id)) && readUuid(id, words) && this.#uuids.has(words);
  }
}
