import { randomInt } from 'node:crypto';
import type { Instant } from '@countersign/revocation';
import { backoffMs, pause } from '../fetching/backoff.js';
import type { VerifierClock } from '../clock.js';
import type { Discovery } from '../fetching/discovery.js';
import { VerifierUnavailable } from '../errors.js';
import { FetchedKeys } from './fetched-keys.js';
import type { Fetch } from '../fetching/http-fetch.js';
import { keyFreshness, refreshDelayMs } from './key-ages.js';
import type { KeyAges } from './key-ages.js';
import type { KeyStore } from './key-file.js';
import { UnusableKeySet } from './key-set.js';
import type { KeySet } from './key-set.js';
import type { KeyFetchOutcome, KeySource, KeySourceState } from '../sources.js';

/** From one fetch that requests cause to the next. After a failed fetch of any kind it doubles, up to {@link MAX_BACKOFF_MS}. */
const COOL_DOWN_MS = 1_000;
/** How long a request waits for the fetch that decides about its key. */
const MAX_WAIT_MS = 2_500;
/** So many requests may wait; each holds its token. */
const MAX_WAITING = 1_000;
/** A signature that does not verify causes no fetch sooner after the last attempt. */
const BAD_SIGNATURE_COOL_DOWN_MS = 10_000;
const MAX_BACKOFF_MS = 30_000;
/**
 * How long after the news of a revoked key the set is fetched, drawn anew by each instance: the news reaches a whole fleet in one
 * moment, and replicas of the issuer take theirs to drop the key.
 */
const AFTER_REVOCATION_MS = { min: 100, max: 1_000 } as const;
/** How long refreshing the keys waits for the store, which may hang. */
const MAX_STORE_MS = 2_000;

/** Says how a fetch ended; `reason` for `refused` and `failed`. Must not throw. */
export type OnKeyFetch = (outcome: KeyFetchOutcome, reason?: string) => void;

/**
 * Keeps the issuer's JWKS: the whole set, swapped at once, refreshed before it is old, served on when the issuer is away
 * until the hard age. A failed, empty or unusable answer never replaces a good set; a good answer drops removed keys.
 */
export class JwksClient implements KeySource {
  readonly #fetched: FetchedKeys;
  /** When the set in force was last known to be the issuer's, on both clocks. */
  #confirmedAt = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: Number.NEGATIVE_INFINITY };
  #attemptedAtMs = Number.NEGATIVE_INFINITY;
  #forcedAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #lastError: string | undefined;
  #inFlight: Promise<boolean> | undefined;
  /** The fetch that begins when the cool-down ends. */
  #next: Promise<boolean> | undefined;
  #afterRevocation: Promise<void> | undefined;
  #waiting = 0;
  #onChange: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();
  readonly #fetches = { changed: 0, unchanged: 0, refused: 0, failed: 0 };

  constructor(
    discovery: Discovery,
    fetch: Fetch,
    private readonly clock: VerifierClock,
    private readonly ages: KeyAges,
    private readonly onFetch: OnKeyFetch = () => undefined,
    private readonly store?: KeyStore,
  ) {
    this.#fetched = new FetchedKeys(discovery, fetch);
  }

  start(onChange: () => void): void {
    this.#onChange = onChange;
    this.#running = this.#keepFresh();
  }

  current(now?: Instant): KeySet | undefined {
    if (this.#ageSeconds(now) <= this.ages.hardSeconds) return this.#fetched.keys;
    // After a machine has slept the next refresh may be minutes away.
    if (this.#fetched.keys && this.#coolDownMs() <= 0) void this.#refresh('forced');
    return undefined;
  }

  async refreshForUnknownKey(kid: string): Promise<void> {
    if (this.#waiting >= MAX_WAITING) throw unavailable('too many unknown kids at once');
    if (!(await this.#inTime(this.#decide(kid)))) {
      throw unavailable('unknown kid, and the key set cannot be refreshed');
    }
  }

  async refreshForBadSignature(): Promise<void> {
    const sinceAttempt = this.clock.monotonicMs() - this.#attemptedAtMs;
    const due = this.#inFlight || sinceAttempt >= BAD_SIGNATURE_COOL_DOWN_MS;
    if (due && this.#waiting < MAX_WAITING) await this.#inTime(this.#refresh('forced'));
  }

  refreshForRevokedKey(): void {
    this.#afterRevocation ??= this.#refreshAfterRevocation().finally(() => {
      this.#afterRevocation = undefined;
    });
  }

  state(): KeySourceState {
    return {
      kids: [...(this.#fetched.keys?.keys() ?? [])],
      ageSeconds: this.#ageSeconds(),
      freshness: keyFreshness(this.#ageSeconds(), this.ages),
      lastError: this.#lastError,
      fetches: { ...this.#fetches },
      skippedKeys: this.#fetched.skipped,
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#running, this.#afterRevocation]);
  }

  async #refreshAfterRevocation(): Promise<void> {
    const { min, max } = AFTER_REVOCATION_MS;
    await pause(randomInt(min, max), this.#stop.signal);
    // What was asked for before may still have the key.
    await this.#inFlight;
    if (!this.#stop.signal.aborted) await this.#refresh();
  }

  /** By the clock that says more: the monotonic one may stand still while a machine sleeps. */
  #ageSeconds(now: Instant = this.#instant()): number {
    const { monotonicMs, wallMs } = this.#confirmedAt;
    return Math.max(now.monotonicMs - monotonicMs, now.wallMs - wallMs) / 1000;
  }

  #instant(): Instant {
    return { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.wallMs() };
  }

  async #keepFresh(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const fetched = await this.#refresh();
      if (fetched) await within(MAX_STORE_MS, this.#save());
      else if (!this.#fetched.keys) await within(MAX_STORE_MS, this.#restore());
      const wait =
        this.#failures > 0
          ? backoffMs(this.#failures, MAX_BACKOFF_MS)
          : refreshDelayMs(this.ages, this.#fetched.maxAgeSeconds);
      await pause(wait, this.#stop.signal);
    }
  }

  /** Goes on with the set of an earlier life, at the age that it has by now. */
  async #restore(): Promise<void> {
    try {
      const stored = await this.store?.load();
      if (!stored || this.#fetched.keys) return;
      const ageMs = this.clock.wallMs() - stored.fetchedAt * 1000;
      if (!(ageMs >= 0)) throw new Error('the stored keys are from the future');
      this.#fetched.restore(stored.jwks);
      this.#confirmedAt = {
        monotonicMs: this.clock.monotonicMs() - ageMs,
        wallMs: stored.fetchedAt * 1000,
      };
      this.#onChange();
    } catch (error) {
      this.#lastError = `${this.#lastError ?? ''}; ${(error as Error).message}`;
    }
  }

  async #save(): Promise<void> {
    const { text } = this.#fetched;
    const fetchedAt = this.clock.wallMs() / 1000 - this.#ageSeconds();
    try {
      if (text !== undefined) await this.store?.save({ fetchedAt, jwks: text });
    } catch {
      // The set in force is good without.
    }
  }

  /** What `decided` says, or false when it takes longer than a request should wait. */
  async #inTime(decided: Promise<boolean>): Promise<boolean> {
    this.#waiting += 1;
    const result = (await within(MAX_WAIT_MS, decided)) ?? false;
    this.#waiting -= 1;
    return result;
  }

  /** @returns whether the current set has `kid`, or was asked for after this call */
  async #decide(kid: string): Promise<boolean> {
    if (this.#inFlight) {
      // It was asked for before: it may bring the key, but it cannot show that there is none.
      await this.#inFlight;
      if (this.current()?.has(kid)) return true;
    }
    // An issuer in trouble is left alone for longer, and nobody waits for that.
    if (this.#failures > 0 && this.#coolDownMs() > 0) return false;
    this.#next ??= this.#coolDown().then(() => {
      this.#next = undefined;
      return this.#stop.signal.aborted ? false : this.#refresh('forced');
    });
    return this.#next;
  }

  /** Waits until a fetch may begin because of a request, and none is under way. */
  async #coolDown(): Promise<void> {
    for (let ms = this.#coolDownMs(); ms > 0 || this.#inFlight; ms = this.#coolDownMs()) {
      await (this.#inFlight ?? pause(ms, this.#stop.signal));
      if (this.#stop.signal.aborted) return;
    }
  }

  #coolDownMs(): number {
    const now = this.clock.monotonicMs();
    if (this.#failures === 0) return COOL_DOWN_MS - (now - this.#forcedAtMs);
    const whole = Math.min(COOL_DOWN_MS * 2 ** Math.min(this.#failures - 1, 16), MAX_BACKOFF_MS);
    return whole - (now - this.#attemptedAtMs);
  }

  /**
   * One fetch at a time; everybody who needs one waits for the same. Never rejects.
   *
   * @param kind a `forced` fetch is unconditional: a 304 would let a confused cache decide about a `kid`
   */
  #refresh(kind: 'forced' | 'routine' = 'routine'): Promise<boolean> {
    this.#inFlight ??= this.#fetchKeys(kind).finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #fetchKeys(kind: 'forced' | 'routine'): Promise<boolean> {
    const asked = this.#instant();
    this.#attemptedAtMs = asked.monotonicMs;
    if (kind === 'forced') this.#forcedAtMs = asked.monotonicMs;
    try {
      const outcome = await this.#fetched.update(kind, this.#stop.signal);
      this.#confirmedAt = asked;
      this.#failures = 0;
      this.#lastError = undefined;
      this.#count(outcome);
      if (outcome === 'changed') this.#onChange();
      return true;
    } catch (error) {
      this.#failures += 1;
      this.#lastError = (error as Error).message;
      this.#count(error instanceof UnusableKeySet ? 'refused' : 'failed', this.#lastError);
      return false;
    }
  }

  #count(outcome: KeyFetchOutcome, reason?: string): void {
    this.#fetches[outcome] += 1;
    this.onFetch(outcome, reason);
  }
}

/** What `work` gives, or `undefined` when it takes longer than `ms`. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const enough = new AbortController();
  const tooLate = pause(ms, enough.signal).then(() => undefined);
  const result = await Promise.race([work, tooLate]);
  enough.abort();
  return result;
}

function unavailable(reason: string): VerifierUnavailable {
  return new VerifierUnavailable('keys_unreachable', reason);
}
