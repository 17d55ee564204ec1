import { randomUUID } from 'node:crypto';
import { CheckInClient } from './revocation/check-in-client.js';
import { Discovery } from './fetching/discovery.js';
import { FeedClient } from './revocation/feed-client.js';
import { basicAuthorization } from './fetching/http-fetch.js';
import { JwksClient } from './keys/jwks-client.js';
import { DEFAULT_KEY_AGES } from './keys/key-ages.js';
import { systemClock } from './system-clock.js';
import { readOptions } from './token-verifier-options.js';
import type { TokenVerifierOptions } from './token-verifier-options.js';
import { TokenVerifier } from './token-verifier.js';

/**
 * Makes a verifier and starts its background work. Await {@link TokenVerifier.ready} before serving, and call
 * {@link TokenVerifier.close} at the end.
 *
 * @throws {TypeError} for options that would be unsafe or make no sense
 */
export function createTokenVerifier(given: TokenVerifierOptions): TokenVerifier {
  const options = readOptions(given);
  const { issuer, credentials, revocation } = options;
  const fetch = options.fetch ?? globalThis.fetch;
  const clock = options.clock ?? systemClock;
  const discovery = new Discovery({
    issuer,
    discoveryUrl: options.discoveryUrl ?? metadataUrl(issuer),
    allowInsecureHttp: options.allowInsecureHttp ?? false,
    fetch,
  });
  const instanceId = randomUUID();
  const authorization =
    credentials && basicAuthorization(credentials.clientId, credentials.clientSecret);
  return new TokenVerifier({
    issuer,
    audience: options.audience,
    keys: new JwksClient(
      discovery,
      fetch,
      clock,
      options.keyAges ?? DEFAULT_KEY_AGES,
      options.onKeyFetch,
      options.keyStore,
    ),
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
    clockToleranceSeconds: options.clockToleranceSeconds ?? 5,
    maxLifetimeSeconds: options.maxLifetimeSeconds ?? 3600,
    staleness: options.staleness ?? { softSeconds: 10, hardSeconds: 60 },
    instanceId,
    onOutcome: options.onOutcome,
    trace: options.trace,
  });
}

/** Where an issuer publishes its metadata (RFC 8414 §3.1): a path of its own comes last. */
function metadataUrl(issuer: string): string {
  if (!URL.canParse(issuer)) throw new TypeError('without a discoveryUrl the issuer must be a URL');
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`;
}
