/** 2^22 bits, half a megabyte: stays in a processor's cache, and is sparse up to some hundred thousand identifiers. */
const BITS = 1 << 22;
/** From so many additions on, the next ones go into a new half, so that the old one can be dropped once all in it have ended. */
const HALF_FULL = 1 << 17;

/**
 * Says of most UUIDs, by their last 32 bits, that they were never added. One that "may have been" must be looked up in an exact
 * set: nobody is ever refused because of a filter.
 *
 * Two halves, of which only the young one is added to: bits are never cleared, but a half is dropped when everything in it
 * has ended. So nothing that has not ended is ever missing, however it moves about in the exact set.
 */
export class TailFilter {
  #young = new Half();
  #old: Half | undefined;

  /** @param halfFull additions to a half, at most; another number only for who tests what happens then */
  constructor(private readonly halfFull = HALF_FULL) {}

  /** @param last the last 32 bits */
  mayHave(last: number): boolean {
    const bit = bitOf(last);
    return this.#young.has(bit) || this.#old?.has(bit) === true;
  }

  /** @param expiresAt NumericDate seconds */
  add(last: number, expiresAt: number): void {
    this.#young.add(bitOf(last), expiresAt);
  }

  /** Forgets what it may of what ended before `horizon`, NumericDate seconds. */
  sweep(horizon: number): void {
    if (this.#old && this.#old.latestEnd < horizon) this.#old = undefined;
    if (this.#old || this.#young.additions < this.halfFull) return;
    this.#old = this.#young;
    this.#young = new Half();
  }
}

class Half {
  additions = 0;
  latestEnd = 0;
  readonly #words = new Int32Array(BITS / 32);

  has(bit: number): boolean {
    return (((this.#words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  add(bit: number, expiresAt: number): void {
    this.#words[bit >>> 5] = (this.#words[bit >>> 5] ?? 0) | (1 << (bit & 31));
    this.additions += 1;
    this.latestEnd = Math.max(this.latestEnd, expiresAt);
  }
}

/** The last bits of a UUID are random in all versions but the oldest, where they are a node's: then they say little, and cost little. */
function bitOf(last: number): number {
  return (Math.imul(last, 0x9e3779b1) >>> 10) & (BITS - 1);
}
