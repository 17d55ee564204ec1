/** 2^22 bits, half a megabyte: stays in a processor's cache, and is sparse up to some hundred thousand identifiers. */
const BITS = 1 << 22;
/** Identifiers differ in their last characters; so many are looked at. */
const TAIL = 10;

/**
 * Says of most identifiers at once that they were never added. One that "may have been" must be looked up in an exact set:
 * nobody is ever refused because of a filter.
 */
export class IdFilter {
  readonly #words = new Uint32Array(BITS / 32);

  add(id: string): void {
    const bit = hash(id);
    this.#words[bit >>> 5] = (this.#words[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  mayHave(id: string): boolean {
    const bit = hash(id);
    return (((this.#words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }
}

/** A bit's number from the end of a text (FNV-1a, folded). */
function hash(id: string): number {
  let value = 0x811c9dc5;
  for (let at = Math.max(0, id.length - TAIL); at < id.length; at += 1) {
    value = Math.imul(value ^ id.charCodeAt(at), 0x01000193);
  }
  return ((value >>> 22) ^ value) & (BITS - 1);
}
