/** How many entries a sweep looks at. */
const SWEPT_AT_ONCE = 4_096;

/** What ends at `expiresAt`, NumericDate seconds. */
interface Expiring {
  readonly expiresAt: number;
}

/** A map whose entries end; looking an entry up after its end finds nothing. Swept a bounded part at a time. */
export class ExpiringMap<T extends Expiring> {
  readonly #entries = new Map<string, T>();
  #sweeping: IterableIterator<[string, T]> | undefined;
  #horizon = 0;

  /** How many are held, those included that have ended and not been swept up yet. */
  get size(): number {
    return this.#entries.size;
  }

  get(id: string): T | undefined {
    if (this.#entries.size === 0) return undefined;
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.expiresAt >= this.#horizon ? entry : undefined;
  }

  set(id: string, entry: T): void {
    // Whoever cut the text out of a longer one would otherwise keep all of that in memory.
    this.#entries.set(this.#entries.has(id) ? id : copyOf(id), entry);
  }

  /** From now on, what ended before `horizon` is not there. Gives back a part of its memory at each call. */
  sweep(horizon: number): void {
    this.#horizon = Math.max(this.#horizon, horizon);
    this.#sweeping ??= this.#entries.entries();
    for (let n = 0; n < SWEPT_AT_ONCE; n += 1) {
      const next = this.#sweeping.next();
      if (next.done) {
        this.#sweeping = undefined;
        return;
      }
      const [id, { expiresAt }] = next.value;
      if (expiresAt < this.#horizon) this.#entries.delete(id);
    }
  }
}

function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
