import { randomUUID } from 'node:crypto';
import { CheckInClient } from './check-in-client.js';
import type { VerifierClock } from './clock.js';
import { Discovery } from './discovery.js';
import { FeedClient } from './feed-client.js';
import { basicAuthorization } from './http-fetch.js';
import type { Fetch } from './http-fetch.js';
import { JwksClient } from './jwks-client.js';
import type { OnKeyFetch } from './jwks-client.js';
import { DEFAULT_KEY_AGES } from './key-ages.js';
import type { KeyAges } from './key-ages.js';
import type { KeyStore } from './key-file.js';
import type { RevocationSource } from './sources.js';
import { systemClock } from './system-clock.js';
import { TokenVerifier } from './token-verifier.js';
import type { Outcome } from './token-verifier.js';

export interface TokenVerifierOptions {
  /** The exact `iss` of the tokens, and the issuer of the metadata. */
  readonly issuer: string;
  /** The name of this service in `aud`; `null` for an edge that names one per call. */
  readonly audience: string | null;
  /** The metadata document of identity's service listener. Required with `credentials`. */
  readonly discoveryUrl?: string;
  /** How this service authenticates to identity for revocations and check-in. */
  readonly credentials?: { readonly clientId: string; readonly clientSecret: string };
  /**
   * `none` accepts revoked tokens until they expire; it must be written out to construct without credentials. `sources` are
   * channels that are faster than identity's HTTP feed, which stays as the last of them.
   */
  readonly revocation?: 'none' | { readonly sources: readonly RevocationSource[] };
  /** Allows plain http to other machines: only inside a network that is trusted as it is. Default false. */
  readonly allowInsecureHttp?: boolean;
  /** Accepted difference between clocks, seconds. Default 5, at most 60. */
  readonly clockToleranceSeconds?: number;
  /** Tokens that claim to live longer are malformed, seconds. Default one hour. */
  readonly maxLifetimeSeconds?: number;
  /** Age of the newest heartbeat, seconds. Default 10 (alarm) and 60 (no answer). */
  readonly staleness?: { readonly softSeconds: number; readonly hardSeconds: number };
  readonly keyAges?: KeyAges;
  readonly clock?: VerifierClock;
  readonly fetch?: Fetch;
  /** Called once per verification; `reason` is fixed text, there unless the token was accepted. Must not throw. */
  readonly onOutcome?: (outcome: Outcome, reason?: string) => void;
  /** Keeps the last good key set over a restart while the issuer cannot be reached: `keyFile(path)`, or your own. */
  readonly keyStore?: KeyStore;
  /** Called after each fetch of the keys; `reason` says what was wrong with a `refused` or `failed` one. Must not throw. */
  readonly onKeyFetch?: OnKeyFetch;
}

/**
 * Makes a verifier and starts its background work. Await {@link TokenVerifier.ready} before serving, and call
 * {@link TokenVerifier.close} at the end.
 *
 * @throws {TypeError} for options that would be unsafe or make no sense
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { issuer, credentials, revocation } = options;
  if (!credentials && revocation !== 'none') {
    throw new TypeError(
      "credentials are needed to hear of revocations; write revocation: 'none' to go without",
    );
  }
  if (credentials && revocation === 'none') {
    throw new TypeError("credentials make no sense with revocation: 'none'");
  }
  if (credentials && options.discoveryUrl === undefined) {
    throw new TypeError('credentials need a discoveryUrl: they are sent to that origin only');
  }
  requireText('issuer', issuer);
  if (options.audience !== null) requireText('audience', options.audience);
  if (credentials) {
    requireText('credentials.clientId', credentials.clientId);
    requireText('credentials.clientSecret', credentials.clientSecret);
  }
  const tolerance = options.clockToleranceSeconds ?? 5;
  const maxLifetimeSeconds = options.maxLifetimeSeconds ?? 3600;
  const staleness = options.staleness ?? { softSeconds: 10, hardSeconds: 60 };
  const keyAges = options.keyAges ?? DEFAULT_KEY_AGES;
  requireRising('maxLifetimeSeconds', [maxLifetimeSeconds]);
  requireRising('staleness', [staleness.softSeconds, staleness.hardSeconds]);
  // Identity counts on an instance as long as that: past a day it would not take the report.
  if (staleness.hardSeconds > 86_400) throw new TypeError('staleness.hardSeconds is at most a day');
  requireRising('keyAges', [keyAges.refreshSeconds, keyAges.softSeconds, keyAges.hardSeconds]);
  if (!(tolerance >= 0 && tolerance <= 60))
    throw new TypeError('clockToleranceSeconds must be 0 to 60');
  const fetch = options.fetch ?? globalThis.fetch;
  const clock = options.clock ?? systemClock;
  const discovery = new Discovery({
    issuer,
    discoveryUrl: options.discoveryUrl ?? `${issuer}/.well-known/oauth-authorization-server`,
    allowInsecureHttp: options.allowInsecureHttp ?? false,
    fetch,
  });
  const instanceId = randomUUID();
  const authorization =
    credentials && basicAuthorization(credentials.clientId, credentials.clientSecret);
  return new TokenVerifier({
    issuer,
    audience: options.audience,
    keys: new JwksClient(discovery, fetch, clock, keyAges, options.onKeyFetch, options.keyStore),
    revocation:
      authorization === undefined
        ? undefined
        : {
            sources: [
              ...(typeof revocation === 'object' ? revocation.sources : []),
              new FeedClient(discovery, fetch, authorization, instanceId, clock),
            ],
            checkIn: new CheckInClient(discovery, fetch, authorization),
          },
    clock,
    clockToleranceSeconds: tolerance,
    maxLifetimeSeconds,
    staleness,
    instanceId,
    onOutcome: options.onOutcome,
  });
}

/** In JavaScript an unset environment variable gets this far, and would be sent as the word "undefined". */
function requireText(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} must be given`);
}

/** A limit that is not a number compares false with everything, and would never be reached. */
function requireRising(name: string, seconds: readonly number[]): void {
  const fine = seconds.every(
    (value, index) => Number.isFinite(value) && value > 0 && value >= (seconds[index - 1] ?? 0),
  );
  if (!fine)
    throw new TypeError(`${name} must be positive numbers of seconds, none below the one before`);
}
