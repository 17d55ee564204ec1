import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs, pause } from './backoff.js';
import type { VerifierClock } from './clock.js';
import type { Discovery } from './discovery.js';
import { fetchJson } from './http-fetch.js';
import type { Fetch } from './http-fetch.js';
import { parseKeySet } from './key-set.js';
import type { KeySet } from './key-set.js';
import type { KeySource, KeySourceState } from './sources.js';

/** Ages of a key set, seconds: refreshed in the background, then an alarm, then no longer used at all. */
export interface KeyAges {
  readonly refreshSeconds: number;
  readonly softSeconds: number;
  readonly hardSeconds: number;
}

export const DEFAULT_KEY_AGES: KeyAges = {
  refreshSeconds: 300,
  softSeconds: 900,
  hardSeconds: 12 * 3600,
};

/** Between two refreshes forced by an unknown `kid`, counted from the last attempt, good or bad. */
const UNKNOWN_KEY_COOL_DOWN_MS = 10_000;
/** How long a request waits for a refresh that it caused. */
const UNKNOWN_KEY_WAIT_MS = 2_000;
const MAX_BACKOFF_MS = 30_000;
const LIMITS = { timeoutMs: 5_000, maxBytes: 256 * 1024 };

/**
 * Keeps the issuer's JWKS: the whole set, swapped at once, refreshed before it is old, served on when the issuer is away
 * until the hard age. A failed, empty or unusable answer never replaces a good set; a good answer drops removed keys.
 */
export class JwksClient implements KeySource {
  #keys: KeySet | undefined;
  #content: string | undefined;
  #confirmedAtMs = Number.NEGATIVE_INFINITY;
  #attemptedAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #lastError: string | undefined;
  #inFlight: Promise<void> | undefined;
  #onChange: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(
    private readonly discovery: Discovery,
    private readonly fetch: Fetch,
    private readonly clock: VerifierClock,
    private readonly ages: KeyAges,
  ) {}

  start(onChange: () => void): void {
    this.#onChange = onChange;
    this.#running = this.#keepFresh();
  }

  current(): KeySet | undefined {
    return this.#ageSeconds() > this.ages.hardSeconds ? undefined : this.#keys;
  }

  async refreshForUnknownKey(): Promise<void> {
    const sinceAttempt = this.clock.monotonicMs() - this.#attemptedAtMs;
    if (!this.#inFlight && sinceAttempt < UNKNOWN_KEY_COOL_DOWN_MS) return;
    const tooLong = new AbortController();
    await Promise.race([
      this.#refresh(),
      delay(UNKNOWN_KEY_WAIT_MS, undefined, { signal: tooLong.signal }).catch(() => undefined),
    ]);
    tooLong.abort();
  }

  state(): KeySourceState {
    return {
      kids: [...(this.#keys?.keys() ?? [])],
      ageSeconds: this.#ageSeconds(),
      lastError: this.#lastError,
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #ageSeconds(): number {
    return (this.clock.monotonicMs() - this.#confirmedAtMs) / 1000;
  }

  async #keepFresh(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#refresh();
      const { refreshSeconds } = this.ages;
      // Full refresh interval less up to a fifth, so that many instances do not ask in step.
      const wait =
        this.#failures > 0
          ? backoffMs(this.#failures, MAX_BACKOFF_MS)
          : jittered(refreshSeconds * 1000);
      await pause(wait, this.#stop.signal);
    }
  }

  /** One fetch at a time; everybody who needs one waits for the same. Never rejects. */
  #refresh(): Promise<void> {
    this.#inFlight ??= this.#fetchKeys().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #fetchKeys(): Promise<void> {
    this.#attemptedAtMs = this.clock.monotonicMs();
    try {
      const { jwks } = await this.discovery.endpoints(this.#stop.signal);
      const transport = { fetch: this.fetch, stop: this.#stop.signal };
      const document = await fetchJson(transport, jwks, LIMITS);
      // Equal documents keep the very same set: who has verified tokens with it need not do so again.
      const content = JSON.stringify(document);
      if (!this.#keys || content !== this.#content) this.#keys = parseKeySet(document);
      this.#content = content;
      this.#confirmedAtMs = this.clock.monotonicMs();
      this.#failures = 0;
      this.#lastError = undefined;
      this.#onChange();
    } catch (error) {
      this.discovery.forget();
      this.#failures += 1;
      this.#lastError = (error as Error).message;
    }
  }
}

function jittered(ms: number): number {
  return ms - backoffMs(16, ms / 5);
}
