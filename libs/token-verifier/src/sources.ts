import type { FeedFrame, Freshness, Instant, Position } from '@countersign/revocation';
import type { KeySet } from './keys/key-set.js';

/** Where a verifier takes its keys from. The hot path only reads {@link current}. */
export interface KeySource {
  /**
   * The newest usable key set, or `undefined` when none may be used (none yet, or past the hard age).
   *
   * @param now where the caller has read the clocks already
   */
  current(now?: Instant): KeySet | undefined;
  /**
   * Asks for a newer set because of an unknown `kid`. Resolves when the current set has the `kid`, or was asked for after this
   * call, so that it would have it. Takes a few seconds at most.
   *
   * @throws {VerifierUnavailable} `keys_unreachable` when no such set is to be had
   */
  refreshForUnknownKey(kid: string): Promise<void>;
  /**
   * Asks for a newer set because a signature does not verify: some issuers publish another key under the same `kid`. Resolves
   * when a refresh has ended, or at once when none is due; never rejects. Left out: no `kid` is ever used again.
   */
  refreshForBadSignature?(): Promise<void>;
  /**
   * Says that a key of the current set was revoked: a newer set is fetched soon, whatever was fetched lately. Left out: the set
   * is always that of the moment.
   */
  refreshForRevokedKey?(): void;
  state(): KeySourceState;
  /** Begins to work in the background. `onChange` is called after each new set. */
  start(onChange: () => void): void;
  close(): Promise<void>;
}

/** How a fetch of the key set ended: with another set, the same, one that must not be used, or without an answer. */
export const KEY_FETCH_OUTCOMES = ['changed', 'unchanged', 'refused', 'failed'] as const;
export type KeyFetchOutcome = (typeof KEY_FETCH_OUTCOMES)[number];

export interface KeySourceState {
  readonly kids: readonly string[];
  /** Seconds since the set was last confirmed by the issuer; infinite when never. */
  readonly ageSeconds: number;
  /** `late`: past the soft age, used on; `stale`: past the hard age, or none yet, not used. */
  readonly freshness?: Freshness;
  readonly lastError?: string | undefined;
  /** Fetches since the start, by outcome. */
  readonly fetches?: Readonly<Record<KeyFetchOutcome, number>>;
  /** Keys of the current set that are meant for something else than access tokens. */
  readonly skippedKeys?: number;
}

/** What a revocation source hands its frames to: the source's own way into the one replica that all sources feed. */
export interface RevocationSink {
  /** The last event applied, whichever source brought it; where a source may resume. */
  position(): Position | undefined;
  /**
   * Takes the frames of this source, in its order. Every connection opens with a `begin`: from nothing, or from
   * {@link position}.
   *
   * @returns `replay` when this source must start again from a snapshot; the others go on
   */
  receive(frame: FeedFrame): 'ok' | 'replay';
  /** Counts an entry that could not be read. */
  drop(): void;
}

/** A channel of revocations: the HTTP feed, or another that carries the same frames. */
export interface RevocationSource {
  /** For metrics and people: `feed`, `redis`, … */
  readonly name: string;
  /** Begins to work in the background, and goes on by itself when the connection is lost. Called once. */
  start(sink: RevocationSink): void;
  state(): SourceState;
  /** Ends the connection. Called once, also when the source was never connected; never rejects. */
  close(): Promise<void>;
}

export interface SourceState {
  readonly connected: boolean;
  /** Why it is not connected, for people. */
  readonly lastError?: string | undefined;
}

/** What an instance tells identity about itself. */
export interface CheckInReport {
  readonly instanceId: string;
  readonly kids: readonly string[];
  readonly applied: Position | undefined;
  /** The proof of the heartbeat that the instance applied. */
  readonly proof?: string | undefined;
  /**
   * How long after its last answered check-in the instance may still answer, seconds: identity counts on it a little longer.
   * Left out: 60.
   */
  readonly hardStalenessSeconds?: number;
  /** True in the last report before a stop. */
  readonly goodbye?: boolean;
}

/** Identity's answer: how far an instance must have come before it is ready. */
export interface CheckInAnswer {
  readonly head: Position;
}

/** How an instance checks in. */
export interface CheckInPort {
  /**
   * @param stop ends the attempt early
   * @throws when the report could not be delivered; the caller tries again
   */
  checkIn(report: CheckInReport, stop: AbortSignal): Promise<CheckInAnswer>;
}
