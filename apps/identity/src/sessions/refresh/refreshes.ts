import { Inject, Injectable } from '@nestjs/common';
import { Counter } from '@countersign/service-host';
import type { Registry } from '@countersign/service-host';
import type { EntityManager } from 'typeorm';
import { AccessTokens } from '../../access-tokens/access-tokens.js';
import type { IssuedToken, Mint, NoMint } from '../../access-tokens/access-tokens.js';
import type { PersonalDetails } from '../../audit/audit-log.js';
import { IdentityConfig } from '../../config/identity-config.js';
import { Batches } from '../../platform/batches.js';
import { DomainError } from '../../platform/domain-error.js';
import { METRICS } from '../../platform/platform.module.js';
import { RefreshRush } from '../admission/refresh-rush.js';
import type { CarriedSecrets, SessionCredentials } from '../session-credentials.js';
import { sessionLifetime } from '../session-lifetime.js';
import { advancing } from '../session-rows.js';
import { SessionSecrets } from '../session-secrets.js';
import {
  lockingStanding,
  readingStandings,
  standingsIn,
  stateOf,
  subjectOf,
  tryingStandings,
} from '../standing.js';
import type { LockedStanding, Standing } from '../standing.js';
import { decideRefresh } from './decide-refresh.js';
import type { RefreshState } from './decide-refresh.js';
import { RefreshIncidents } from './refresh-incidents.js';
import { isProofGood, makeRefreshToken, parseRefreshToken } from './refresh-token.js';
import type { UnverifiedRefreshToken } from './refresh-token.js';

/** Why somebody gets nothing. */
export type RefreshRefusal =
  'refresh_token_rejected' | 'session_ended' | 'refresh_token_replayed' | 'store_behind';

/** How a refresh token came, and from where. */
export type RefreshRequest = { readonly from: PersonalDetails } & (
  | { readonly by: 'bearer' }
  | {
      readonly by: 'cookie';
      /** The session whose cookies the browser holds: a refresh cookie of another one was planted. */
      readonly boundTo: string | undefined;
    }
);

/** A refresh token that may be good, and how it came. */
interface Asked {
  readonly token: UnverifiedRefreshToken;
  readonly request: RefreshRequest;
}

/** What came of it. */
interface Refreshed {
  readonly outcome: Carrying['outcome'];
  readonly credentials: SessionCredentials;
}

/** What is handed out with the access token. */
interface Carrying extends Mint {
  readonly outcome: 'advanced' | 'repeated';
  readonly carried: CarriedSecrets;
}

/** Carries sessions on by their refresh tokens. */
@Injectable()
export class Refreshes {
  readonly #outcomes: Counter<'outcome'>;
  readonly #batches = new Batches<Asked, Refreshed | undefined>((asked) => this.#run(asked), {
    atOnce: 2,
    // The signatures of a batch hold up everybody else.
    most: 8,
    // Somebody else may hold a session, or a cut-off may cover this second.
    patienceMs: 25,
  });

  constructor(
    private readonly config: IdentityConfig,
    private readonly accessTokens: AccessTokens,
    private readonly secrets: SessionSecrets,
    private readonly incidents: RefreshIncidents,
    private readonly rush: RefreshRush,
    @Inject(METRICS) metrics: Registry,
  ) {
    this.#outcomes = new Counter({
      name: 'countersign_refreshes_total',
      help: 'Refreshes by outcome; store_behind means that the database is an old copy of itself',
      labelNames: ['outcome'],
      registers: [metrics],
    });
    // An alarm: its first step is from 0, not out of nothing, which no rate sees.
    this.#outcomes.inc({ outcome: 'store_behind' }, 0);
  }

  /**
   * Exchanges a refresh token for its successor and an access token: in one transaction under the session's lock, so that of many at
   * once one moves the session on and the others, within the grace, get the same. While refreshes are turned away, by whichever replica,
   * the grace is longer by the time that this goes on. A replay ends the session in that transaction.
   *
   * When many sessions are refreshed at once they share transactions, as far as nothing is wrong with them and nobody else holds them.
   *
   * @throws {DomainError} {@link RefreshRefusal}, `client_disabled`, `revocation_in_progress`, `database_unavailable`
   */
  async refresh(text: string, request: RefreshRequest): Promise<SessionCredentials> {
    const token = parseRefreshToken(text);
    if (!token || (request.by === 'cookie' && request.boundTo !== token.sid))
      throw this.#refusal('refresh_token_rejected', { isMalformed: true });
    const asked = { token, request };
    const { outcome, credentials } = (await this.#batches.ask(asked)) ?? (await this.#alone(asked));
    this.#outcomes.inc({ outcome });
    return credentials;
  }

  async #run(asked: readonly Asked[]): Promise<readonly (Refreshed | undefined)[]> {
    const [first, ...others] = asked;
    if (first && others.length === 0) return [await this.#alone(first)];
    return this.#together(asked);
  }

  /** Whatever is to be done about one. */
  async #alone({ token, request }: Asked): Promise<Refreshed> {
    let carrying: Carrying | undefined;
    const issued = await this.accessTokens.issueUnder<RefreshRefusal>(
      lockingStanding(token.sid, 'exclusive'),
      async (tx, rows) => {
        const decided = await this.#decide(tx, token, standingsIn(rows)[0], request);
        carrying = 'instead' in decided ? undefined : decided;
        return decided;
      },
      readingStandings(token.sid),
    );
    if ('instead' in issued) throw this.#refusal(issued.instead);
    if (!carrying) throw new TypeError('a token was issued without a decision');
    return refreshed(carrying, issued);
  }

  /** Those that simply go on, each session once; nothing for the others, of which nothing is written. */
  async #together(asked: readonly Asked[]): Promise<readonly (Refreshed | undefined)[]> {
    const sids = [...new Set(asked.map(({ token }) => token.sid))];
    let carrying: readonly (Carrying | undefined)[] = [];
    const issued = await this.accessTokens.issueTogether(
      tryingStandings(sids),
      (rows, locked) => {
        const free = new Set(
          (locked as readonly LockedStanding[]).filter((one) => one.locked).map(({ sid }) => sid),
        );
        const standings = new Map(standingsIn(rows).map((one) => [one.sid, one]));
        carrying = asked.map(({ token, request }) =>
          free.delete(token.sid) ? this.#goOn(token, standings.get(token.sid), request) : undefined,
        );
        return carrying;
      },
      readingStandings(...sids),
    );
    return issued.map((token, n) => {
      const carried = carrying[n];
      return token && carried && refreshed(carried, token);
    });
  }

  /** What a token carries on that is as it should be; by itself whatever is wrong with it will come out. */
  #goOn(
    token: UnverifiedRefreshToken,
    session: Standing | undefined,
    { by }: RefreshRequest,
  ): Carrying | undefined {
    try {
      const rowSecret = this.#provedSecret(token, session, by);
      if (!session || !rowSecret) return undefined;
      const grace = this.config.REFRESH_GRACE_SECONDS;
      const decision = decideRefresh(refreshState(session), token.generation, grace);
      if (decision.do === 'advance') return this.#advance(session, rowSecret);
      return decision.do === 'repeat' ? carry('repeated', session, rowSecret) : undefined;
    } catch {
      // Its secret cannot be opened.
      return undefined;
    }
  }

  /** The row secret, if the token was made with it and came as its session's delivery wants it. */
  #provedSecret(
    token: UnverifiedRefreshToken,
    session: Standing | undefined,
    by: RefreshRequest['by'],
  ): Buffer | undefined {
    const rowSecret = session && this.secrets.rowSecret(token.sid, session);
    if (!rowSecret || session.delivery !== by || !isProofGood(token, rowSecret)) return undefined;
    return rowSecret;
  }

  async #decide(
    tx: EntityManager,
    token: UnverifiedRefreshToken,
    session: Standing | undefined,
    { by, from }: RefreshRequest,
  ): Promise<Carrying | NoMint<RefreshRefusal>> {
    const rowSecret = this.#provedSecret(token, session, by);
    if (!session || !rowSecret) return { instead: 'refresh_token_rejected' };
    const state = refreshState(session);
    const grace = this.config.REFRESH_GRACE_SECONDS;
    let decision = decideRefresh(state, token.generation, grace);
    if (decision.do === 'end' && decision.replay === 'last_one' && grace > 0) {
      decision = decideRefresh(state, token.generation, grace + (await this.rush.age(tx)));
    }
    switch (decision.do) {
      case 'advance':
        return this.#advance(session, rowSecret);
      case 'repeat':
        return carry('repeated', session, rowSecret);
      case 'end':
        await this.incidents.endReplayed(tx, session, decision.replay, from);
        return { instead: 'refresh_token_replayed' };
      case 'refuse':
        if (decision.because === 'store_behind') {
          await this.incidents.storeBehind(tx, session, token.generation, from);
        }
        return { instead: decision.because };
    }
  }

  #advance(session: Standing, rowSecret: Buffer): Carrying {
    const { idleSeconds } = sessionLifetime(this.config, session.remembered);
    const generation = session.generation + 1;
    const idleEndsAt = Math.min(session.endsAt, session.now + idleSeconds);
    return {
      ...carry('advanced', { ...session, generation, idleEndsAt }, rowSecret),
      closing: [advancing(session.sid, generation, idleSeconds)],
    };
  }

  #refusal(code: RefreshRefusal, options?: { readonly isMalformed: true }): DomainError {
    this.#outcomes.inc({ outcome: code });
    return new DomainError(code, undefined, options);
  }
}

const refreshState = (session: Standing): RefreshState => ({
  ...session,
  isLive: stateOf(session) === 'live',
});

function refreshed({ outcome, carried }: Carrying, { encoded, claims }: IssuedToken): Refreshed {
  const { exp, iat } = claims;
  return { outcome, credentials: { ...carried, accessToken: encoded, expiresIn: exp - iat } };
}

/** Hands out the token of the generation at which `session` stands. */
function carry(outcome: Carrying['outcome'], session: Standing, rowSecret: Buffer): Carrying {
  const { sid, generation, endsAt, idleEndsAt, now } = session;
  return {
    outcome,
    subject: subjectOf(session),
    facts: session,
    carried: {
      session,
      refreshToken: makeRefreshToken(sid, generation, rowSecret),
      opaqueCookie: null,
      endsIn: Math.floor(endsAt - now),
      idleEndsIn: Math.floor(idleEndsAt - now),
    },
  };
}
