import type { UuidWords } from './uuid-words.js';

/** Four words of the identifier, then when it ends: NumericDate, unsigned. */
const SLOT_WORDS = 5;
const EXPIRY = 4;
/** 64 KB. All segments are the same size: what one leaves behind, the next one uses. */
const SLOTS = 3_276;
/** Beyond four fifths, looking for what is not there would take many steps. */
export const SEGMENT_CAPACITY = Math.floor(SLOTS * 0.8);

const scratch = new Int32Array(SLOTS * SLOT_WORDS);

/**
 * A hash table of bounded size, by open addressing: one piece of a {@link UuidSet}. Each slot has a tag of one byte, 0 when
 * it is empty. The tags of a million identifiers stay in the processor's cache; their words do not, and are only looked at
 * where the tag fits.
 */
export class UuidSegment {
  readonly #tags = new Uint8Array(SLOTS);
  readonly #words = new Int32Array(SLOTS * SLOT_WORDS);
  count = 0;

  /** @param depth how many leading bits of the hash all identifiers in here have in common */
  constructor(public depth: number) {}

  /** When the identifier ends, or 0 when it is not here. */
  expiryOf(id: UuidWords, hash: number): number {
    const slot = this.#find(id, hash);
    return this.#tags[slot] === 0 ? 0 : (this.#words[slot * SLOT_WORDS + EXPIRY] ?? 0) >>> 0;
  }

  /**
   * Adds an identifier, or keeps the later of two ends. There must be room.
   *
   * @returns whether that changed anything
   */
  add(id: UuidWords, hash: number, expiresAt: number): boolean {
    const slot = this.#find(id, hash);
    const at = slot * SLOT_WORDS;
    if (this.#tags[slot] === 0) {
      this.#tags[slot] = tagOf(id[3] ?? 0);
      for (let word = 0; word < 4; word += 1) this.#words[at + word] = id[word] ?? 0;
      this.count += 1;
    } else if ((this.#words[at + EXPIRY] ?? 0) >>> 0 >= expiresAt) {
      return false;
    }
    this.#words[at + EXPIRY] = expiresAt;
    return true;
  }

  /** Whether anything in here ended before `horizon`. */
  hasEnded(horizon: number): boolean {
    for (let slot = 0; slot < SLOTS; slot += 1) {
      if (this.#tags[slot] === 0) continue;
      if ((this.#words[slot * SLOT_WORDS + EXPIRY] ?? 0) >>> 0 < horizon) return true;
    }
    return false;
  }

  /** Empties the segment, giving each identifier that ends at `horizon` or later to `keep`. Not reentrant. */
  refill(horizon: number, keep: (id: UuidWords, expiresAt: number) => void): void {
    const id = new Int32Array(4);
    const tags = this.#tags.slice();
    scratch.set(this.#words);
    this.#tags.fill(0);
    this.count = 0;
    for (let slot = 0; slot < SLOTS; slot += 1) {
      if (tags[slot] === 0) continue;
      const at = slot * SLOT_WORDS;
      const expiresAt = (scratch[at + EXPIRY] ?? 0) >>> 0;
      if (expiresAt < horizon) continue;
      for (let word = 0; word < 4; word += 1) id[word] = scratch[at + word] ?? 0;
      keep(id, expiresAt);
    }
  }

  /** The slot that holds the identifier, or the empty one where it would be. */
  #find(id: UuidWords, hash: number): number {
    const words = this.#words;
    const tag = tagOf(id[3] ?? 0);
    let slot = startOf(hash);
    for (;;) {
      const found = this.#tags[slot];
      if (found === 0) return slot;
      const at = slot * SLOT_WORDS;
      if (
        found === tag &&
        words[at] === id[0] &&
        words[at + 1] === id[1] &&
        words[at + 2] === id[2] &&
        words[at + 3] === id[3]
      ) {
        return slot;
      }
      slot = slot === SLOTS - 1 ? 0 : slot + 1;
    }
  }
}

/** The low bits of the hash choose the slot; the high bits have chosen the segment. */
function startOf(hash: number): number {
  return ((hash & 0xffff) * SLOTS) >>> 16;
}

function tagOf(last: number): number {
  return last & 0xff || 1;
}
