// What bench:verify and bench:memory measure with: one key, tokens, and a verifier of ours with 100,000 live revocations.
import { createSign, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { Discovery } from '../libs/token-verifier/dist/fetching/discovery.js';
import { systemClock, TokenVerifier } from '../libs/token-verifier/dist/index.js';
import { JwksClient } from '../libs/token-verifier/dist/keys/jwks-client.js';
import { DEFAULT_KEY_AGES } from '../libs/token-verifier/dist/keys/key-ages.js';

export const ISSUER = 'https://api.example.test';
export const AUDIENCE = 'orders';
export const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const kid = randomBytes(32).toString('base64url');
export const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as identity signs it for a person. */
export function makeToken({ claims = {}, header = {}, key = pair.privateKey } = {}) {
  const iat = Math.floor(Date.now() / 1000);
  const input = `${encode({ alg: 'RS256', typ: 'at+jwt', kid, ...header })}.${encode({
    iss: ISSUER,
    sub: randomUUID(),
    aud: ['identity', 'orders', 'payments'],
    exp: iat + 3000,
    iat,
    jti: randomUUID(),
    client_id: 'first-party',
    scope: 'orders:read orders:write payments:read payments:write',
    sid: randomUUID(),
    auth_time: iat,
    roles: ['customer'],
    ...claims,
  })}`;
  return `${input}.${createSign('sha256').update(input).sign(key, 'base64url')}`;
}

/** The same text as a new string, as if it had just come from a socket. */
export const fresh = (text) => Buffer.from(text, 'latin1').toString('latin1');

/** The key source of production, whose issuer answers at once. */
function makeKeys() {
  const jwks = `${ISSUER}/jwks.json`;
  const fetch = async (url) =>
    Response.json(url === jwks ? { keys: [jwk] } : { issuer: ISSUER, jwks_uri: jwks });
  const discovery = new Discovery({
    issuer: ISSUER,
    discoveryUrl: `${ISSUER}/metadata`,
    allowInsecureHttp: false,
    fetch,
  });
  const keys = new JwksClient(discovery, fetch, systemClock, DEFAULT_KEY_AGES);
  // Unknown kids would wait a second each for the end of the cool-down.
  keys.refreshForUnknownKey = async () => undefined;
  return keys;
}

/** Our verifier, ready, on a channel in memory. `revocations` live entries of all kinds. */
export async function makeVerifier({ revocations = 100_000, checkRevocations = true } = {}) {
  let sink;
  const none = async () => undefined;
  const verifier = new TokenVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    keys: makeKeys(),
    revocation: checkRevocations
      ? {
          sources: [
            {
              name: 'memory',
              start: (given) => (sink = given),
              state: () => ({ connected: true }),
              close: none,
            },
          ],
          checkIn: { checkIn: async () => ({ head: { epoch: 1, seq: revocations } }) },
        }
      : undefined,
    clock: systemClock,
    clockToleranceSeconds: 5,
    maxLifetimeSeconds: 3600,
    staleness: { softSeconds: 600, hardSeconds: 600 },
  });
  if (sink) fill(sink, revocations);
  await verifier.ready();
  return verifier;
}

/** The session that {@link fill} revokes by name. */
export const REVOKED_SESSION = 'a-session-that-was-ended';

const KINDS = ['jti', 'sid', 'sid', 'sub', 'client'];

function fill(sink, count) {
  const at = Math.floor(Date.now() / 1000);
  // One of each that concerns all tokens, or all of another key: a verifier that has none of them looks up less.
  const first = [
    { kind: 'sid', id: REVOKED_SESSION },
    { kind: 'all', id: '*', cutoff: at - 3600 },
    { kind: 'kid', id: 'another-key', expiresAt: null },
  ];
  sink.receive({ type: 'begin', epoch: 1, after: 0, head: count });
  for (let seq = 1; seq <= count; seq += 1) {
    const kind = KINDS[seq % KINDS.length];
    const given = first[seq - 1] ?? {
      kind,
      id: randomUUID(),
      ...((kind === 'sub' || kind === 'client') && { cutoff: at }),
    };
    const event = { epoch: 1, seq, expiresAt: at + 3600, at, ...given };
    sink.receive({ type: 'revocation', event });
  }
  sink.receive({ type: 'end', epoch: 1, head: count });
  sink.receive({
    type: 'heartbeat',
    heartbeat: { epoch: 1, head: count, readAt: Date.now() / 1000, proof: 'p' },
  });
}
