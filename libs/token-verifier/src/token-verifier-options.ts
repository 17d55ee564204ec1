import type { VerifierClock } from './clock.js';
import { settingsIn } from './environment-settings.js';
import type { Environment } from './environment-settings.js';
import type { Fetch } from './fetching/http-fetch.js';
import type { OnKeyFetch } from './keys/jwks-client.js';
import type { KeyAges } from './keys/key-ages.js';
import type { KeyStore } from './keys/key-file.js';
import { requireKnownNames } from './known-names.js';
import type { RevocationSource } from './sources.js';
import type { Outcome, Trace } from './token-verifier.js';

export interface VerifierSettings {
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
  /** Around the verification of each token that is not remembered: for a span of yours. It sees no token, and decides nothing. */
  readonly trace?: Trace;
}

/** Settings, or an environment that says those of them which differ from one installation to the next. */
export type TokenVerifierOptions =
  | (VerifierSettings & { readonly environment?: undefined })
  | (Omit<VerifierSettings, 'issuer'> & {
      readonly issuer?: string;
      /**
       * Gives `issuer`, `discoveryUrl` and `credentials`, where they are not written here: `process.env` with `ISSUER_URL`,
       * `DISCOVERY_URL`, `CLIENT_ID`, and `CLIENT_SECRET` or `CLIENT_SECRET_FILE`.
       */
      readonly environment: Environment;
    });

const SETTINGS = {
  issuer: [],
  audience: [],
  discoveryUrl: [],
  credentials: ['clientId', 'clientSecret'],
  revocation: ['sources'],
  allowInsecureHttp: [],
  clockToleranceSeconds: [],
  maxLifetimeSeconds: [],
  staleness: ['softSeconds', 'hardSeconds'],
  keyAges: ['refreshSeconds', 'softSeconds', 'hardSeconds'],
  clock: [],
  fetch: [],
  onOutcome: [],
  keyStore: [],
  onKeyFetch: [],
  trace: [],
} as const satisfies Record<keyof VerifierSettings, readonly string[]>;

/**
 * The settings that options come down to, looked at by {@link checkSettings}. What is written wins over the environment.
 *
 * @throws {TypeError} that names the option
 */
export function readOptions(options: TokenVerifierOptions): VerifierSettings {
  requireKnownNames('createTokenVerifier', options, [...Object.keys(SETTINGS), 'environment']);
  const { environment, ...given } = options;
  const settings = { ...(environment && settingsIn(environment)), ...given } as VerifierSettings;
  for (const [name, members] of Object.entries(SETTINGS)) {
    const value: unknown = settings[name as keyof VerifierSettings];
    if (members.length > 0 && typeof value === 'object' && value !== null) {
      requireKnownNames(name, value, members);
    }
  }
  checkSettings(settings);
  return settings;
}

/**
 * Looks at what types cannot promise: a program in JavaScript, or a setting from the environment, where everything is text. `'5'`
 * added to an instant gives one ten times as late, and `'false'` is true.
 *
 * @throws {TypeError} that names the option
 */
function checkSettings(options: VerifierSettings): void {
  requireText('issuer (or ISSUER_URL in the environment)', options.issuer);
  if (options.audience !== null) requireText('audience', options.audience);
  requireWayToRevocations(options);
  const { clockToleranceSeconds: tolerance = 0, maxLifetimeSeconds, staleness, keyAges } = options;
  if (typeof tolerance !== 'number' || !(tolerance >= 0 && tolerance <= 60)) {
    throw new TypeError('clockToleranceSeconds must be a number from 0 to 60');
  }
  if (maxLifetimeSeconds !== undefined) requireRising('maxLifetimeSeconds', [maxLifetimeSeconds]);
  if (staleness) requireRising('staleness', [staleness.softSeconds, staleness.hardSeconds]);
  // Identity counts on an instance as long as that: past a day it would not take the report.
  if (staleness && staleness.hardSeconds > 86_400) {
    throw new TypeError('staleness.hardSeconds is at most a day');
  }
  if (keyAges) {
    requireRising('keyAges', [keyAges.refreshSeconds, keyAges.softSeconds, keyAges.hardSeconds]);
  }
  if (typeof (options.allowInsecureHttp ?? false) !== 'boolean') {
    throw new TypeError('allowInsecureHttp must be true or false');
  }
  requireFunctions(options);
}

function requireWayToRevocations({ credentials, discoveryUrl, revocation }: VerifierSettings) {
  if (!credentials && revocation !== 'none') {
    throw new TypeError(
      'credentials (or CLIENT_ID and CLIENT_SECRET in the environment) are needed to hear of revocations; ' +
        "only a service that may accept revoked tokens writes revocation: 'none'",
    );
  }
  if (credentials && revocation === 'none') {
    throw new TypeError("credentials make no sense with revocation: 'none'");
  }
  if (revocation !== undefined && revocation !== 'none' && !Array.isArray(revocation.sources)) {
    throw new TypeError("revocation must be 'none' or { sources }, a list");
  }
  if (!credentials) return;
  if (discoveryUrl === undefined) {
    throw new TypeError('credentials need a discoveryUrl: they are sent to that origin only');
  }
  requireText('credentials.clientId', credentials.clientId);
  requireText('credentials.clientSecret', credentials.clientSecret);
}

/** What is called later: by then nobody could hear that it is none. */
const FUNCTIONS = [
  ['onOutcome'],
  ['onKeyFetch'],
  ['trace'],
  ['fetch'],
  ['clock', 'wallMs'],
  ['clock', 'monotonicMs'],
  ['keyStore', 'load'],
  ['keyStore', 'save'],
] as const;

function requireFunctions(options: VerifierSettings): void {
  for (const [name, method] of FUNCTIONS) {
    const value: unknown = options[name];
    const called = value && method ? (value as Record<string, unknown>)[method] : value;
    if (value === undefined || typeof called === 'function') continue;
    throw new TypeError(`${method ? `${name}.${method}` : name} must be a function`);
  }
}

/** An unset environment variable gets this far in JavaScript, and would be sent as the word "undefined". */
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
