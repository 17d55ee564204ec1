import { timingSafeEqual } from 'node:crypto';
import { isTokenRejected } from '@countersign/token-verifier';
import type { TokenVerifier } from '@countersign/token-verifier';
import { decodeProtectedHeader } from 'jose';
import type { RevocationEvent } from '@countersign/revocation';
import { DomainError } from '../platform/domain-error.js';
import { hashOfSecret, parseOpaqueCookie } from '../sessions/delivery/opaque-cookie.js';
import type { KnownSession, SessionLookup } from '../sessions/session-lookup.js';
import type { SessionTokens } from '../sessions/session-tokens.js';
import type { SwapOutcome } from './swap-metrics.js';
import { SwappedTokens } from './swapped-tokens.js';
import type { SwappedToken } from './swapped-tokens.js';

export interface SwapSettings {
  /** How many sessions are remembered at most. */
  readonly maxSessions: number;
  /** How many sessions may be asked about in the database at once. */
  readonly maxUnderWay: number;
  /** A token with less life left is not handed out any more, seconds. */
  readonly leastLifeSeconds: number;
  /** How long a session that is in use goes without being looked at in the database, seconds. */
  readonly lookAgainSeconds: number;
}

export interface SwapParts {
  readonly lookup: Pick<SessionLookup, 'byCookie'>;
  readonly tokens: Pick<SessionTokens, 'issueForCookie'>;
  readonly verifier: Pick<TokenVerifier, 'verify'>;
  /** Milliseconds of a clock that never jumps. */
  readonly nowMs: () => number;
  readonly count: (outcome: SwapOutcome) => void;
}

/** When the database was away, it is asked about a session again after so long. */
const PATIENCE_MS = 5_000;
const TRIES = 2;

/** What is being found out about one cookie, for all who ask meanwhile. */
interface UnderWay {
  readonly sid: string;
  readonly token: Promise<SwappedToken>;
  /** The session's cookie is another one since: the outcome is not to be remembered. */
  renewed: boolean;
}

/**
 * Swaps opaque cookies for access tokens that die with their session. Tokens are remembered, never the right to make them: each is
 * issued under the locks. One that is remembered is verified whenever it is handed out, like any other, so that no revocation that
 * this replica has heard of is missed.
 */
export class Swaps {
  readonly #remembered: SwappedTokens;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(
    private readonly parts: SwapParts,
    private readonly settings: SwapSettings,
  ) {
    this.#remembered = new SwappedTokens(settings.maxSessions);
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
    return (await this.#findOut(cookie, sid, audience, cookieHash)).encoded;
  }

  /** Forgets what a revocation covers. */
  noteRevocation(event: RevocationEvent): void {
    this.#remembered.dropCovered(event);
  }

  /** A session has another cookie since: the old one opens nothing any more. Without `sid` any may have. */
  noteRenewal(sid: string | undefined): void {
    if (sid === undefined) this.#remembered.doubtAll();
    else this.#remembered.dropSession(sid);
    for (const [key, underWay] of this.#underWay) {
      if (sid !== undefined && underWay.sid !== sid) continue;
      underWay.renewed = true;
      this.#underWay.delete(key);
    }
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

  /** However many ask about one cookie, the database is asked once. */
  #findOut(
    cookie: string,
    sid: string,
    audience: string,
    cookieHash: Buffer,
  ): Promise<SwappedToken> {
    const key = `${cookieHash.toString('base64')} ${audience}`;
    const others = this.#underWay.get(key);
    if (others) {
      this.parts.count('joined');
      return others.token;
    }
    if (this.#underWay.size >= this.settings.maxUnderWay) {
      this.parts.count('turned_away');
      return Promise.reject(new DomainError('overloaded'));
    }
    const isRenewed = () => underWay.renewed;
    const underWay: UnderWay = {
      sid,
      renewed: false,
      // Begins after this turn, so that `underWay` is there.
      token: Promise.resolve()
        .then(() => this.#renew(cookie, sid, audience, cookieHash, isRenewed))
        .catch((error: unknown) => {
          if (error instanceof DomainError && error.code !== 'session_ended')
            this.parts.count('failed');
          throw error;
        })
        .finally(() => {
          if (this.#underWay.get(key) === underWay) this.#underWay.delete(key);
        }),
    };
    this.#underWay.set(key, underWay);
    return underWay.token;
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
