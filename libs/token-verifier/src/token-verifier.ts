import { randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Instant } from '@countersign/revocation';
import { checkAccessToken } from './tokens/access-token.js';
import type { AccessToken } from './tokens/access-token.js';
import type { VerifierClock } from './clock.js';
import {
  isTokenRejected,
  isVerifierUnavailable,
  TokenRejected,
  VerifierUnavailable,
} from './errors.js';
import type { RejectionCode, UnavailabilityCode } from './errors.js';
import { requireKnownNames } from './known-names.js';
import { mayGoOn, Revocations } from './revocation/revocations.js';
import type {
  RevocationFault,
  RevocationParts,
  RevocationsState,
  StaleRevocations,
} from './revocation/revocations.js';
import { SignatureVerifier } from './tokens/signature-verifier.js';
import type { SignatureCounts } from './tokens/signature-verifier.js';
import type { KeySource, KeySourceState } from './sources.js';
import type { VerifiedToken } from './tokens/verified-tokens.js';
import { WatchedTokens } from './tokens/watched-tokens.js';

/** How one call of {@link TokenVerifier.verify} ended. `accepted_stale`: only because the caller asked for `open`. */
export type Outcome = 'accepted' | 'accepted_stale' | RejectionCode | UnavailabilityCode;

/** Runs `work` once and returns what it returns, at once or as a promise; in between it may measure. Must not throw by itself. */
export type Trace = (work: () => void | Promise<void>) => unknown;

/** What one route asks of {@link TokenVerifier.verify}. */
export interface VerifyOptions {
  /** Overrides the configured audience; needed when that is `null`. */
  readonly audience?: string;
  /** Default `closed`. */
  readonly staleRevocations?: StaleRevocations;
}

/** What one stream asks of {@link TokenVerifier.watch}. */
export interface WatchOptions {
  readonly until?: AbortSignal;
  readonly staleRevocations?: StaleRevocations;
}

/** What a verifier works with. Most callers want `createTokenVerifier`, which fills this in. */
export interface VerifierParts {
  readonly issuer: string;
  /** The name of this service in `aud`; `null` when every call names one. */
  readonly audience: string | null;
  readonly keys: KeySource;
  /** Absent: revocation is not checked at all. */
  readonly revocation?: RevocationParts | undefined;
  readonly clock: VerifierClock;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
  /** Age of the newest heartbeat, seconds: past `softSeconds` an alarm, past `hardSeconds` no answer. */
  readonly staleness: { readonly softSeconds: number; readonly hardSeconds: number };
  /** Random, new at every boot. */
  readonly instanceId?: string;
  /** Called once per verification; `reason` is fixed text, there unless the token was accepted. Must not throw. */
  readonly onOutcome?: ((outcome: Outcome, reason?: string) => void) | undefined;
  /** Around the verification of each token that is not remembered. */
  readonly trace?: Trace | undefined;
}

export interface VerifierState {
  readonly ready: boolean;
  /** What keeps the verifier from being ready, for people. Empty when it is. */
  readonly missing: readonly string[];
  readonly instanceId: string;
  readonly keys: KeySourceState;
  readonly signatures: SignatureCounts;
  readonly revocation: 'none' | RevocationsState;
}

/**
 * Verifies access tokens (RFC 9068) in this process. The hot path does no I/O; keys and revocations arrive in the
 * background. Only a `kid` that the key set does not have waits, for a shared fetch, two and a half seconds at most.
 */
export class TokenVerifier {
  readonly instanceId: string;
  readonly #revocations: Revocations | undefined;
  readonly #signatures: SignatureVerifier;
  readonly #watched = new WatchedTokens((token, stale) => this.#faultOf(token, stale));
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(private readonly parts: VerifierParts) {
    this.instanceId = parts.instanceId ?? randomUUID();
    this.#signatures = new SignatureVerifier(
      parts.keys,
      (kid) => this.#revocations?.isKeyRevoked(kid) ?? false,
    );
    this.#revocations =
      parts.revocation &&
      new Revocations(parts.revocation, parts.staleness, {
        now: () => this.#instant(),
        identify: () => ({ instanceId: this.instanceId, kids: parts.keys.state().kids }),
        onRevocation: (event) => {
          this.#watched.checkCovered(event);
          if (event.kind === 'kid' && parts.keys.current()?.has(event.id)) {
            parts.keys.refreshForRevokedKey?.();
          }
        },
        onChange: () => this.#wake(),
      });
    parts.keys.start(() => {
      this.#revocations?.checkInSoon();
      this.#wake();
    });
    this.#revocations?.start();
  }

  /** The name of this service in `aud`; `null` when every call names one. */
  get audience(): string | null {
    return this.parts.audience;
  }

  /**
   * Verifies one token: form, algorithm, key, signature, claims, revocation, in that order.
   *
   * Does not look at scopes or roles; that is the caller's.
   *
   * @throws {TokenRejected} the token is bad (401)
   * @throws {VerifierUnavailable} no decision is possible now (503)
   * @throws {TypeError} no audience is configured and none was given
   */
  verify(text: string, options?: VerifyOptions): Promise<AccessToken> {
    const audience = options?.audience ?? this.audience;
    if (audience === null) {
      return Promise.reject(new TypeError('verify needs an audience: none is configured'));
    }
    // Callers in plain JavaScript hand on what a request did not have.
    if (typeof (text as unknown) !== 'string') {
      return this.#refuse(new TokenRejected('malformed', 'not a text'));
    }
    try {
      // The clocks are read once: that is a good part of what a remembered token costs.
      const now = this.#instant();
      const check = (token: AccessToken) => {
        checkAccessToken(token, audience, now.wallMs / 1000, this.parts);
      };
      const known = this.#signatures.recall(text, now);
      if (known) check(known.token);
      const entry = known ?? this.#verifyUnknown(text, check);
      if (entry instanceof Promise) return this.#settleLater(entry, audience, options);
      this.#settle(entry, now, options);
      return Promise.resolve(entry.token);
    } catch (error) {
      return this.#refuse(error as Error);
    }
  }

  /**
   * Watches over a token that was verified, for as long as its bearer holds a stream or a socket open.
   *
   * @param options.until abort it when the stream is over, so that the token is forgotten
   * @param options.staleRevocations `open` keeps the stream when revocations are past the hard limit; default `closed`
   * @returns a signal that is aborted at once when the token is revoked, and within a second when it has expired or nothing
   *   may be built on the revocations any more; its reason is the {@link TokenRejected} or {@link VerifierUnavailable}
   */
  watch(token: AccessToken, options: WatchOptions = {}): AbortSignal {
    requireKnownNames('watch', options, ['until', 'staleRevocations']);
    const { until, staleRevocations = 'closed' } = options;
    return this.#watched.watch(token, staleRevocations, until);
  }

  /**
   * The key that a verified token is signed with, for those who must show it to other software. `undefined` when the issuer
   * has withdrawn it since.
   */
  publicKeyOf(token: AccessToken): KeyObject | undefined {
    return this.parts.keys.current()?.get(token.keyId);
  }

  /**
   * Waits until keys are held and revocations applied as far as the first check-in demanded. Without `timeoutMs` it waits as
   * long as it takes; `state().missing` says what for.
   *
   * @returns false when the verifier was closed before that
   * @throws {Error} after `timeoutMs` milliseconds, with what is missing
   */
  async ready(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    requireKnownNames('ready', options, ['timeoutMs']);
    const limit = this.parts.clock.monotonicMs() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
    for (;;) {
      const { ready, missing } = this.state();
      if (ready) return true;
      if (this.#closed) return false;
      if (this.parts.clock.monotonicMs() >= limit) {
        throw new Error(`the verifier is not ready: ${missing.join('; ')}`);
      }
      await this.#nextChange();
    }
  }

  state(): VerifierState {
    const missing: string[] = [];
    const keys = this.parts.keys.state();
    if (!this.parts.keys.current()) missing.push(`keys: ${keys.lastError ?? 'not fetched yet'}`);
    const now = this.#instant();
    const fault = this.#revocations?.fault(now);
    if (fault) missing.push(`revocations: ${this.#revocations?.explain(fault) ?? fault.text}`);
    return {
      ready: missing.length === 0,
      missing,
      instanceId: this.instanceId,
      keys,
      signatures: this.#signatures.counts(),
      revocation: this.#revocations?.state(now) ?? 'none',
    };
  }

  /** Ends all background work and says goodbye to identity. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    this.#watched.close();
    await Promise.all([this.#revocations?.close(), this.parts.keys.close()]);
  }

  #verifyUnknown(
    text: string,
    check: (token: AccessToken) => void,
  ): VerifiedToken | Promise<VerifiedToken> {
    const { trace } = this.parts;
    const verify = () => this.#signatures.verify(text, check);
    return trace ? observed(trace, verify) : verify();
  }

  async #settleLater(
    pending: Promise<VerifiedToken>,
    audience: string,
    options?: VerifyOptions,
  ): Promise<AccessToken> {
    try {
      const entry = await pending;
      const now = this.#instant();
      checkAccessToken(entry.token, audience, now.wallMs / 1000, this.parts);
      this.#settle(entry, now, options);
      return entry.token;
    } catch (error) {
      return this.#refuse(error as Error);
    }
  }

  /** What is left to look at on every call, however well the token is known: revocation. */
  #settle(entry: VerifiedToken, now: Instant, options?: VerifyOptions): void {
    const fault = this.#revocations && this.#checkRevocation(this.#revocations, entry, now);
    if (fault) requireOpen(fault, options?.staleRevocations);
    this.parts.onOutcome?.(fault ? 'accepted_stale' : 'accepted');
  }

  #refuse(error: Error): Promise<never> {
    if (isTokenRejected(error) || isVerifierUnavailable(error)) {
      this.parts.onOutcome?.(error.code, error.reason);
    }
    return Promise.reject(error);
  }

  /** What is wrong by now with a token that was good. */
  #faultOf(token: AccessToken, staleRevocations: StaleRevocations): Error | undefined {
    const now = this.#instant();
    if (token.expiresAt + this.parts.clockToleranceSeconds <= now.wallMs / 1000) {
      return new TokenRejected('expired', 'exp has passed');
    }
    if (!this.#revocations) return undefined;
    if (this.#revocations.isRevoked(token))
      return new TokenRejected('revoked', 'a revocation covers it');
    const fault = this.#revocations.fault(now);
    return fault && !mayGoOn(fault, staleRevocations) ? unreachable(fault) : undefined;
  }

  /** @returns why the revocations may not be built on, if so. @throws {TokenRejected} when one that is known covers the token */
  #checkRevocation(
    revocations: Revocations,
    entry: VerifiedToken,
    now: Instant,
  ): RevocationFault | undefined {
    const { version } = revocations;
    if (entry.clearedAt !== version) {
      if (revocations.isRevoked(entry.token)) {
        throw new TokenRejected('revoked', 'a revocation covers it');
      }
      entry.clearedAt = version;
    }
    return revocations.fault(now);
  }

  /** Something has happened, or a quarter of a second has passed. */
  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, 250);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  #instant(): Instant {
    const { clock } = this.parts;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  }
}

/** Lets a tracer see how long `verify` takes and whether it fails; it is told nothing else, and not believed. */
function observed<T>(trace: Trace, verify: () => T | Promise<T>): T | Promise<T> {
  let result: (() => T | Promise<T>) | undefined;
  const work = () => {
    try {
      const verified = verify();
      result = () => verified;
      if (!(verified instanceof Promise)) return;
      const seen = verified.then(() => undefined);
      seen.catch(() => undefined);
      return seen;
    } catch (error) {
      result = () => {
        throw error;
      };
      throw error;
    }
  };
  try {
    void Promise.resolve(trace(work)).catch(() => undefined);
  } catch {
    // What it threw is the verdict, or a fault of its own.
  }
  return (result ?? verify)();
}

function requireOpen(fault: RevocationFault, declared: StaleRevocations | undefined): void {
  if (!mayGoOn(fault, declared)) throw unreachable(fault);
}

function unreachable({ text }: RevocationFault): VerifierUnavailable {
  return new VerifierUnavailable('revocation_unreachable', text);
}
