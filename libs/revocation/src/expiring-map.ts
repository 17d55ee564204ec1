import { IdFilter } from './id-filter.js';

/** From so many entries on, a filter is asked first: a large map costs a cache miss or two for every id that is not in it. */
const FILTERED_FROM = 256;
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
  #filter: IdFilter | undefined;
  /** Of what the sweep under way has left, and what was added since it began. */
  #nextFilter: IdFilter | undefined;

  /** How many are held, those included that have ended and not been swept up yet. */
  get size(): number {
    return this.#entries.size;
  }

  get(id: string): T | undefined {
    if (this.#entries.size === 0 || this.#filter?.mayHave(id) === false) return undefined;
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.expiresAt >= this.#horizon ? entry : undefined;
  }

  set(id: string, entry: T): void {
    // Whoever cut the text out of a longer one would otherwise keep all of that in memory.
    this.#entries.set(this.#entries.has(id) ? id : copyOf(id), entry);
    this.#filter?.add(id);
    this.#nextFilter?.add(id);
    if (!this.#filter && this.#entries.size >= FILTERED_FROM) this.#filter = this.#filterOfAll();
  }

  /** From now on, what ended before `horizon` is not there. Gives back a part of its memory at each call. */
  sweep(horizon: number): void {
    this.#horizon = Math.max(this.#horizon, horizon);
    if (!this.#sweeping) {
      this.#sweeping = this.#entries.entries();
      this.#nextFilter = this.#filter && new IdFilter();
    }
    for (let n = 0; n < SWEPT_AT_ONCE; n += 1) {
      const next = this.#sweeping.next();
      if (next.done) {
        this.#sweeping = undefined;
        this.#filter = this.#nextFilter ?? this.#filter;
        this.#nextFilter = undefined;
        return;
      }
      const [id, { expiresAt }] = next.value;
      if (expiresAt < this.#horizon) this.#entries.delete(id);
      else this.#nextFilter?.add(id);
    }
  }

  #filterOfAll(): IdFilter {
    const filter = new IdFilter();
    for (const id of this.#entries.keys()) filter.add(id);
    return filter;
  }
}

function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
