import type { RevocationEvent } from '@countersign/revocation';
import type { AccessTokenClaims } from '../access-tokens/claims.js';

/** An access token that an opaque cookie was swapped for. Instants are milliseconds of a clock that never jumps. */
export interface SwappedToken {
  readonly encoded: string;
  readonly sid: string;
  readonly audience: string;
  readonly claims: AccessTokenClaims;
  readonly kid: string;
  /** SHA-256 of the cookie that was shown. */
  readonly cookieHash: Buffer;
  /** From then on too little of its life is left to hand it out. */
  readonly usableUntil: number;
  /** When it expires. */
  readonly endsAt: number;
  /** From then on the database is asked again whether the session is what it was. */
  lookAgainAt: number;
}

/** One session is used with few audiences: as many as a gateway has services behind it. */
const AUDIENCES_PER_SESSION = 16;

/**
 * Swapped tokens by session and audience, in memory and nowhere else. Bounded: when there are too many sessions, the one that was
 * used longest ago is forgotten.
 */
export class SwappedTokens {
  readonly #sessions = new Map<string, Map<string, SwappedToken>>();

  constructor(private readonly maxSessions: number) {}

  /** How many sessions have one. */
  get sessions(): number {
    return this.#sessions.size;
  }

  find(sid: string, audience: string): SwappedToken | undefined {
    const tokens = this.#sessions.get(sid);
    if (!tokens) return undefined;
    this.#sessions.delete(sid);
    this.#sessions.set(sid, tokens);
    return tokens.get(audience);
  }

  keep(token: SwappedToken): void {
    const { sid, audience } = token;
    const tokens = this.#sessions.get(sid) ?? new Map<string, SwappedToken>();
    tokens.delete(audience);
    tokens.set(audience, token);
    if (tokens.size > AUDIENCES_PER_SESSION) dropOldest(tokens);
    this.#sessions.delete(sid);
    this.#sessions.set(sid, tokens);
    if (this.#sessions.size > this.maxSessions) dropOldest(this.#sessions);
  }

  /** Forgets one token, if it is still this one. */
  drop({ encoded, sid, audience }: SwappedToken): void {
    const tokens = this.#sessions.get(sid);
    if (tokens?.get(audience)?.encoded !== encoded) return;
    tokens.delete(audience);
    if (tokens.size === 0) this.#sessions.delete(sid);
  }

  dropSession(sid: string): void {
    this.#sessions.delete(sid);
  }

  /** Forgets what a revocation covers. */
  dropCovered(event: RevocationEvent): void {
    if (event.kind === 'sid') this.#sessions.delete(event.id);
    else for (const token of this.#all()) if (isCovered(token, event)) this.drop(token);
  }

  /** The database is asked again about every session before its token is handed out. */
  doubtAll(): void {
    for (const token of this.#all()) token.lookAgainAt = 0;
  }

  *#all(): Generator<SwappedToken> {
    for (const tokens of this.#sessions.values()) yield* tokens.values();
  }
}

function isCovered({ claims, kid }: SwappedToken, { kind, id, cutoff }: RevocationEvent): boolean {
  const isBeforeCutoff = cutoff !== undefined && claims.iat <= cutoff;
  switch (kind) {
    case 'jti':
      return claims.jti === id;
    case 'sid':
      return claims.sid === id;
    case 'sub':
      return claims.sub === id && isBeforeCutoff;
    case 'client':
      return claims.client_id === id && isBeforeCutoff;
    case 'kid':
      return kid === id;
    case 'all':
      return isBeforeCutoff;
  }
}

function dropOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
