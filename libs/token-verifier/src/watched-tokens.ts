import type { AccessToken } from './access-token.js';
import type { StaleRevocations } from './revocations.js';

/** Says why a token is not good any more, or `undefined` while it is. */
export type TokenFault = (
  token: AccessToken,
  staleRevocations: StaleRevocations,
) => Error | undefined;

interface Watched {
  readonly token: AccessToken;
  readonly staleRevocations: StaleRevocations;
  readonly end: AbortController;
}

const TICK_MS = 1_000;

/**
 * Tokens whose bearer holds something open. Each is looked at when revocations arrive, and every second for what time alone
 * brings. The timer runs only while anything is watched.
 */
export class WatchedTokens {
  readonly #watched = new Set<Watched>();
  #ticking: NodeJS.Timeout | undefined;

  constructor(private readonly faultOf: TokenFault) {}

  /**
   * @param until forgets the token when it is aborted: what it was watched for is over
   * @returns a signal that is aborted, with the fault as its reason, once the token is not good any more
   */
  watch(token: AccessToken, staleRevocations: StaleRevocations, until?: AbortSignal): AbortSignal {
    const watched = { token, staleRevocations, end: new AbortController() };
    if (until?.aborted) return watched.end.signal;
    this.#watched.add(watched);
    until?.addEventListener('abort', () => this.#forget(watched), { once: true });
    this.#ticking ??= setInterval(() => this.check(), TICK_MS).unref();
    this.#check(watched);
    return watched.end.signal;
  }

  /** Looks at all of them now. */
  check(): void {
    for (const watched of this.#watched) this.#check(watched);
  }

  get size(): number {
    return this.#watched.size;
  }

  /** Stops watching; no signal is aborted by that. */
  close(): void {
    this.#watched.clear();
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  #check(watched: Watched): void {
    const fault = this.faultOf(watched.token, watched.staleRevocations);
    if (!fault) return;
    this.#forget(watched);
    watched.end.abort(fault);
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size === 0) this.close();
  }
}
