import type { RevocationEvent } from '@countersign/revocation';
import type { AccessToken } from './access-token.js';
import type { StaleRevocations } from '../revocation/revocations.js';

/** Says why a token is not good any more, or `undefined` while it is. */
export type TokenFault = (
  token: AccessToken,
  staleRevocations: StaleRevocations,
) => Error | undefined;

interface Watched {
  readonly token: AccessToken;
  readonly staleRevocations: StaleRevocations;
  readonly end: AbortController;
  /** Lets go of the signal that says when it is over, which may live much longer. */
  letGo: () => void;
}

const TICK_MS = 1_000;

/**
 * Tokens whose bearer holds something open. Each is looked at when a revocation may cover it, and every second for what time
 * alone brings. A revocation of one token, session or user costs the same however many are watched: anybody who signs out
 * makes one. The timer runs only while anything is watched.
 */
export class WatchedTokens {
  readonly #watched = new Set<Watched>();
  /** The same, by every `jti`, `sid` and `sub`. */
  readonly #named = new Map<string, Set<Watched>>();
  #ticking: NodeJS.Timeout | undefined;

  constructor(private readonly faultOf: TokenFault) {}

  /**
   * @param until forgets the token when it is aborted: what it was watched for is over
   * @returns a signal that is aborted, with the fault as its reason, once the token is not good any more
   */
  watch(token: AccessToken, staleRevocations: StaleRevocations, until?: AbortSignal): AbortSignal {
    const watched: Watched = {
      token,
      staleRevocations,
      end: new AbortController(),
      letGo: () => undefined,
    };
    if (until?.aborted) return watched.end.signal;
    this.#watched.add(watched);
    for (const name of namesOf(token)) this.#group(name).add(watched);
    if (until) {
      const forget = () => this.#forget(watched);
      until.addEventListener('abort', forget, { once: true });
      watched.letGo = () => until.removeEventListener('abort', forget);
    }
    this.#ticking ??= setInterval(() => this.check(), TICK_MS).unref();
    this.#check(watched);
    return watched.end.signal;
  }

  /** Looks at all of them now. */
  check(): void {
    for (const watched of this.#watched) this.#check(watched);
  }

  /** Looks now at those that a revocation may cover. */
  checkCovered({ kind, id }: Pick<RevocationEvent, 'kind' | 'id'>): void {
    const isOfFew = kind === 'jti' || kind === 'sid' || kind === 'sub';
    for (const watched of (isOfFew ? this.#named.get(id) : this.#watched) ?? []) {
      this.#check(watched);
    }
  }

  get size(): number {
    return this.#watched.size;
  }

  /** Stops watching; no signal is aborted by that. */
  close(): void {
    for (const { letGo } of this.#watched) letGo();
    this.#watched.clear();
    this.#named.clear();
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
    watched.letGo();
    this.#watched.delete(watched);
    for (const name of namesOf(watched.token)) {
      const group = this.#named.get(name);
      group?.delete(watched);
      if (group?.size === 0) this.#named.delete(name);
    }
    if (this.#watched.size === 0) this.close();
  }

  #group(name: string): Set<Watched> {
    let group = this.#named.get(name);
    if (!group) this.#named.set(name, (group = new Set()));
    return group;
  }
}

function namesOf({ tokenId, subject, sessionId }: AccessToken): readonly string[] {
  return sessionId === undefined ? [tokenId, subject] : [tokenId, subject, sessionId];
}
