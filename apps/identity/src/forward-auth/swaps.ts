import { timingSafeEqual } from 'node:crypto';
import { isTokenRejected } from '@countersign/token-verifier';
import type { TokenVerifier } from '@countersign/token-verifier';
import { decodeProtectedHeader } from 'jose';
import type { RevocationEvent } from '@countersign/revocation';
import { DomainError } from '../platform/domain-error.js';
import { hashOfSecret, parseOpaqueCookie } from '../sessions/delivery/opaque-cookie.js';
import type { KnownSession, SessionLookup } from '../sessions/session-lookup.js';
import type { SessionTokens } from '../sessions/session-tokens.js';
import type { Pace } from '../sessions/admission/pace.js';
import { FindingOut } from './finding-out.js';
import type { FindingOutSettings } from './finding-out.js';
import type { SwapOutcome } from './swap-metrics.js';
import { SwappedTokens } from './swapped-tokens.js';
import type { SwappedToken } from './swapped-tokens.js';

export interface SwapSettings extends FindingOutSettings {
  /** How many sessions are remembered at most. */
  readonly maxSessions: number;
  /** A token with less life left is not handed out any more, seconds. */
  readonly leastLifeSeconds: number;
  /** How long a session that is in use goes without being looked at in the database, seconds. */
  readonly lookAgainSeconds: number;
}

export interface SwapParts {
  readonly lookup: Pick<SessionLookup, 'byCookie'>;
  readonly tokens: Pick<SessionTokens, 'issueForCookie'>;
  readonly verifier: Pick<TokenVerifier, 'verify'>;
  /** At which sessions are asked about whose token is not remembered. */
  readonly pace: Pace;
  /** Milliseconds of a clock that never jumps. */
  readonly nowMs: () => number;
  readonly count: (outcome: SwapOutcome) => void;
}

/** When the database was away, it is asked about a session again after so long. */
const PATIENCE_MS = 5_000;
const TRIES = 2;

/**
 * Swaps opaque cookies for access tokens that die with their session. Tokens are remembered, never the right to make them: each is
 * issued under the locks. One that is remembered is verified whenever it is handed out, like any other, so that no revocation that
 * this replica has heard of is missed.
 */
export class Swaps {
  readonly #remembered: SwappedTokens;
  readonly #findingOut: FindingOut<SwappedToken>;

  constructor(
    private readonly parts: SwapParts,
    private readonly settings: SwapSettings,
  ) {
    this.#remembered = new SwappedTokens(settings.maxSessions);
    this.#findingOut = new FindingOut(settings, parts.pace);
  }

  get remembered(): number {
    return this.#remembered.sessions;
  }

  /**
   * The access token for the session of an opaque cookie.
   *
   * @param cookie its value, from anybody
   * @throws {DomainError} `session_ended`, `database_unavailable`, `overloaded`, `client_disabled`, `revocation_in_progress`
   * @throws {TokenRejected} `wrong_audience` when the session's client has nothing to do with `audience`
   * @throws {VerifierUnavailable} when revocations are past the hard limit
   */
  async swap(cookie: string, audience: string): Promise<string> {
    const sid = parseOpaqueCookie(cookie)?.sid;
    if (sid === undefined) throw this.#ended();
    const cookieHash = hashOfSecret(cookie);
    const known = this.#find(sid, audience, cookieHash);
    const now = this.parts.nowMs();
    if (
      known &&
      now < known.usableUntil &&
      now < known.lookAgainAt &&
      (await this.#isGood(known))
    ) {
      this.parts.count('remembered');
      return known.encoded;
    }
    return (await this.#findOut(cookie, sid, audience, cookieHash, known)).encoded;
  }

  /** Forgets what a revocation covers. */
  noteRevocation(event: RevocationEvent): void {
    this.#remembered.dropCovered(event);
  }

  /** A session has another cookie since: the old one opens nothing any more. Without `sid` any may have. */
  noteRenewal(sid: string | undefined): void {
    if (sid === undefined) this.#remembered.doubtAll();
    else this.#remembered.dropSession(sid);
    this.#findingOut.noteRenewal(sid);
  }

  #find(sid: string, audience: string, cookieHash: Buffer): SwappedToken | undefined {
    const token = this.#remembered.find(sid, audience);
    return token && timingSafeEqual(token.cookieHash, cookieHash) ? token : undefined;
  }

  /** @throws {TokenRejected} `wrong_audience` @throws {VerifierUnavailable} */
  async #isGood(token: SwappedToken): Promise<boolean> {
    try {
      await this.parts.verifier.verify(token.encoded, { audience: token.audience });
      return true;
    } catch (error) {
      if (!isTokenRejected(error) || error.code === 'wrong_audience') throw error;
      this.#remembered.drop(token);
      return false;
    }
  }

  /** @throws {DomainError} also `overloaded`, with the seconds after which to come again */
  #findOut(
    cookie: string,
    sid: string,
    audience: string,
    cookieHash: Buffer,
    known: SwappedToken | undefined,
  ): Promise<SwappedToken> {
    const key = `${cookieHash.toString('base64')} ${audience}`;
    // Whoever is in the middle of something goes on, whatever the crowd.
    const paced = known ? undefined : this.parts.nowMs() / 1000;
    const findOut = async (isRenewed: () => boolean) => {
      try {
        return await this.#renew(cookie, sid, audience, cookieHash, isRenewed);
      } catch (error) {
        if (error instanceof DomainError && error.code !== 'session_ended')
          this.parts.count('failed');
        else if (paced !== undefined) this.#findingOut.giveBack();
        throw error;
      }
    };
    return this.#once(key, sid, paced, findOut);
  }

  #once(...asked: Parameters<FindingOut<SwappedToken>['once']>): Promise<SwappedToken> {
    try {
      const { by, token } = this.#findingOut.once(...asked);
      if (by === 'joining others') this.parts.count('joined');
      return token;
    } catch (error) {
      this.parts.count('turned_away');
      throw error;
    }
  }

  async #renew(
    cookie: string,
    sid: string,
    audience: string,
    cookieHash: Buffer,
    isRenewed: () => boolean,
  ): Promise<SwappedToken> {
    const known = this.#find(sid, audience, cookieHash);
    const lookedAt = this.parts.nowMs();
    const session = await this.#lookUp(cookie, known);
    if (session === 'unknown') {
      // What is known was good a moment ago, and nobody can have ended the session since without the database.
      if (known && lookedAt < known.usableUntil && (await this.#isGood(known))) {
        known.lookAgainAt = lookedAt + PATIENCE_MS;
        this.parts.count('carried_on');
        return known;
      }
      throw new DomainError('database_unavailable');
    }
    if (session?.state !== 'live') {
      if (session || known) this.#remembered.dropSession(sid);
      throw this.#ended();
    }
    if (known && this.#isWorthKeeping(known, session) && (await this.#isGood(known))) {
      known.lookAgainAt = this.#lookAgainAfter(lookedAt);
      this.parts.count('looked_up');
      return known;
    }
    return this.#issue(cookie, sid, audience, cookieHash, isRenewed);
  }

  /** @returns `unknown` when the database is away */
  async #lookUp(
    cookie: string,
    known: SwappedToken | undefined,
  ): Promise<KnownSession | 'unknown' | undefined> {
    try {
      return await this.parts.lookup.byCookie(cookie);
    } catch (error) {
      const isAway = error instanceof DomainError && error.code === 'database_unavailable';
      if (isAway && known) return 'unknown';
      throw error;
    }
  }

  /** Also in its last seconds, when they are the last of its session: another would not live longer. */
  #isWorthKeeping(known: SwappedToken, session: KnownSession): boolean {
    const now = this.parts.nowMs();
    if (now < known.usableUntil) return true;
    return now < known.endsAt && Math.floor(session.expiresAt) <= known.claims.exp;
  }

  async #issue(
    cookie: string,
    sid: string,
    audience: string,
    cookieHash: Buffer,
    isRenewed: () => boolean,
  ): Promise<SwappedToken> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const begun = this.parts.nowMs();
      const { encoded, claims } = await this.#mint(cookie);
      // Counted from before it was dated: it may seem older than it is, never younger.
      const endsAt = begun + (claims.exp - claims.iat) * 1000;
      const token: SwappedToken = {
        encoded,
        sid,
        audience,
        claims,
        kid: decodeProtectedHeader(encoded).kid ?? '',
        cookieHash,
        usableUntil: endsAt - this.settings.leastLifeSeconds * 1000,
        endsAt,
        lookAgainAt: this.#lookAgainAfter(begun),
      };
      if (!isRenewed()) this.#remembered.keep(token);
      if (await this.#isGood(token)) {
        this.parts.count('issued');
        return token;
      }
    }
    throw new DomainError('revocation_in_progress');
  }

  async #mint(cookie: string) {
    try {
      return await this.parts.tokens.issueForCookie(cookie);
    } catch (error) {
      if (error instanceof DomainError && error.code === 'session_ended') throw this.#ended();
      throw error;
    }
  }

  #lookAgainAfter(lookedAt: number): number {
    return lookedAt + this.settings.lookAgainSeconds * 1000;
  }

  #ended(): DomainError {
    this.parts.count('session_ended');
    return new DomainError('session_ended');
  }
}
