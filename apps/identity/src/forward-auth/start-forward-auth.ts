import type { FeedFrame } from '@countersign/revocation';
import type { Registry } from '@countersign/service-host';
import type { TokenVerifier } from '@countersign/token-verifier';
import type { IdentityConfig } from '../config/identity-config.js';
import type { Ids } from '../platform/ids.js';
import { ListeningConnection } from '../platform/listening-connection.js';
import { chanceFrom, Pace } from '../sessions/admission/pace.js';
import type { OwnCookies } from '../sessions/delivery/own-cookies.js';
import type { SessionLookup } from '../sessions/session-lookup.js';
import { RENEWED_SESSION_CHANNEL } from '../sessions/session-rows.js';
import type { SessionTokens } from '../sessions/session-tokens.js';
import { ForwardAuth } from './forward-auth.js';
import { measureSwaps } from './swap-metrics.js';
import { Swaps } from './swaps.js';
import type { SwapSettings } from './swaps.js';

/** One or two kilobytes each. */
const MAX_SESSIONS = 20_000;
const MAX_UNDER_WAY = 200;
/** Longer than a request takes that a gateway sends on with the token. */
const LEAST_LIFE_SECONDS = 20;
const LOOK_AGAIN_SECONDS = 60;

export interface ForwardAuthSurroundings {
  readonly config: IdentityConfig;
  readonly metrics: Registry;
  readonly verifier: TokenVerifier;
  readonly lookup: SessionLookup;
  readonly tokens: SessionTokens;
  readonly cookies: OwnCookies;
  readonly ids: Ids;
  /** Follows the revocation feed of this process from now on. @returns how to leave */
  readonly follow: (send: (frame: FeedFrame) => void) => Promise<() => void>;
}

export interface RunningForwardAuth {
  readonly forwardAuth: ForwardAuth;
  stop(): void;
}

/** Brings forward auth up: with what it remembers, and its ears for what ends that. */
export async function startForwardAuth(
  around: ForwardAuthSurroundings,
): Promise<RunningForwardAuth> {
  const { config, metrics, verifier, lookup, tokens, cookies, ids, follow } = around;
  const count = measureSwaps(metrics, () => swaps.remembered);
  const nowMs = () => performance.now();
  const pace = new Pace(config.SWAPS_PER_SECOND, nowMs() / 1000, chanceFrom(ids));
  const swaps = new Swaps({ lookup, tokens, verifier, pace, nowMs, count }, settingsOf(config));
  const leave = await follow((frame) => {
    if (frame.type === 'revocation') swaps.noteRevocation(frame.event);
  });
  const renewals = new ListeningConnection(config.DATABASE_URL, RENEWED_SESSION_CHANNEL, (sid) =>
    swaps.noteRenewal(sid),
  );
  await renewals.start();
  return {
    forwardAuth: new ForwardAuth({ verifier, swaps, cookies: cookies.credentials }),
    stop() {
      leave();
      renewals.close();
    },
  };
}

function settingsOf(config: IdentityConfig): SwapSettings {
  const shortestIdle = Math.min(
    config.SESSION_IDLE_SECONDS,
    config.REMEMBERED_SESSION_IDLE_SECONDS,
  );
  return {
    maxSessions: MAX_SESSIONS,
    // The other half of the connections is for log-outs, sign-ins and refreshes.
    atOnce: Math.floor(config.DATABASE_POOL_SIZE / 2),
    maxUnderWay: MAX_UNDER_WAY,
    leastLifeSeconds: Math.min(LEAST_LIFE_SECONDS, config.ACCESS_TOKEN_TTL_SECONDS / 3),
    // As often as the use of a session is noted, so that who uses it is never taken for idle.
    lookAgainSeconds: Math.min(LOOK_AGAIN_SECONDS, shortestIdle / 4),
  };
}
