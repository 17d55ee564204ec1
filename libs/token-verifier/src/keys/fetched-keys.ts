import type { Discovery } from '../fetching/discovery.js';
import { fetchDocument } from '../fetching/http-fetch.js';
import type { Fetch } from '../fetching/http-fetch.js';
import { readKeySetText } from './key-set.js';
import type { KeySet } from './key-set.js';

const LIMITS = { timeoutMs: 5_000, maxBytes: 256 * 1024 };

/** The last good key set that was fetched from the issuer, and what its answer said about it. */
export class FetchedKeys {
  #keys: KeySet | undefined;
  #text: Buffer | undefined;
  #etag: string | undefined;
  #maxAgeSeconds: number | undefined;
  #skipped = 0;

  constructor(
    private readonly discovery: Discovery,
    private readonly fetch: Fetch,
  ) {}

  get keys(): KeySet | undefined {
    return this.#keys;
  }

  /** How long the issuer says the set may be cached (RFC 9111 §5.2.2.1). */
  get maxAgeSeconds(): number | undefined {
    return this.#maxAgeSeconds;
  }

  get skipped(): number {
    return this.#skipped;
  }

  /**
   * Fetches the set once, past any cache on the way. An equal document keeps the very same set: who has verified tokens with
   * it need not do so again.
   *
   * @param kind only a `routine` fetch may be answered with 304
   * @throws {RequestFailed} no answer that can be used; the old set stays
   * @throws {UnusableKeySet} an answer that must not be used; the old set stays
   */
  async update(kind: 'forced' | 'routine', stop: AbortSignal): Promise<'changed' | 'unchanged'> {
    try {
      const { jwks } = await this.discovery.endpoints(stop);
      const known = kind === 'routine' && this.#keys ? this.#etag : undefined;
      const { text, headers } = await fetchDocument({ fetch: this.fetch, stop }, jwks, LIMITS, {
        headers: { 'cache-control': 'no-cache', ...(known && { 'if-none-match': known }) },
      });
      const outcome = text ? this.#take(text, headers) : 'unchanged';
      this.#maxAgeSeconds = maxAgeOf(headers);
      return outcome;
    } catch (error) {
      this.discovery.doubt();
      throw error;
    }
  }

  /** The set as it was sent. */
  get text(): string | undefined {
    return this.#text?.toString('utf8');
  }

  /**
   * Takes a set that was fetched before.
   *
   * @throws {UnusableKeySet}
   */
  restore(text: string): void {
    this.#use(Buffer.from(text));
  }

  #use(text: Buffer): void {
    const { keys, skipped } = readKeySetText(text);
    this.#keys = keys;
    this.#skipped = skipped.length;
    this.#text = text;
  }

  #take(text: Buffer, headers: Headers): 'changed' | 'unchanged' {
    const changed = !this.#text?.equals(text);
    if (changed) this.#use(text);
    const etag = headers.get('etag') ?? '';
    this.#etag = /^(W\/)?"[\x21\x23-\x7e]{1,128}"$/.test(etag) ? etag : undefined;
    return changed ? 'changed' : 'unchanged';
  }
}

function maxAgeOf(headers: Headers): number | undefined {
  const found = /(?:^|[\s,])max-age="?(\d{1,9})\b/i.exec(headers.get('cache-control') ?? '');
  return found ? Number(found[1]) : undefined;
}
