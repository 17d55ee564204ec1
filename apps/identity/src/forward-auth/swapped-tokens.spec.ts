import type { RevocationEvent } from '@countersign/revocation';
import { SwappedTokens } from './swapped-tokens.js';
import type { SwappedToken } from './swapped-tokens.js';

const token = (sid: string, audience = 'orders'): SwappedToken => ({
  encoded: `${sid} ${audience}`,
  sid,
  audience,
  claims: {
    iss: 'https://shop.example',
    sub: 'ann',
    aud: [audience],
    exp: 1_300,
    iat: 1_000,
    jti: `token of ${sid}`,
    client_id: 'first-party',
    scope: '',
    sid,
  },
  kid: 'k1',
  cookieHash: Buffer.alloc(32),
  usableUntil: 0,
  endsAt: 0,
  lookAgainAt: 1,
});
const event = (kind: RevocationEvent['kind'], id: string, cutoff?: number): RevocationEvent => ({
  epoch: 1,
  seq: 1,
  kind,
  id,
  ...(cutoff !== undefined && { cutoff }),
  expiresAt: null,
  at: 1_000,
});

it.each([
  ['its token', event('jti', 'token of s1'), false],
  ['another token', event('jti', 'x'), true],
  ['its session', event('sid', 's1'), false],
  ['another session', event('sid', 's2'), true],
  ['its person', event('sub', 'ann', 1_000), false],
  ['its person, earlier', event('sub', 'ann', 999), true],
  ['another person', event('sub', 'bob', 2_000), true],
  ['its client', event('client', 'first-party', 1_000), false],
  ['its client, earlier', event('client', 'first-party', 999), true],
  ['another client', event('client', 'x', 2_000), true],
  ['its key', event('kid', 'k1'), false],
  ['another key', event('kid', 'k2'), true],
  ['everything', event('all', '*', 1_000), false],
  ['everything earlier', event('all', '*', 999), true],
])('a revocation of %s', (_, revocation, isKept) => {
  const tokens = new SwappedTokens(10);
  tokens.keep(token('s1'));
  tokens.keep(token('s1', 'payments'));
  tokens.dropCovered(revocation);
  for (const audience of ['orders', 'payments']) {
    expect(tokens.find('s1', audience) !== undefined).toBe(isKept);
  }
  expect(tokens.sessions).toBe(isKept ? 1 : 0);
});

it('holds so many sessions, and forgets the one that was used longest ago', () => {
  const tokens = new SwappedTokens(2);
  tokens.keep(token('s1'));
  tokens.keep(token('s2'));
  tokens.find('s1', 'orders');
  tokens.keep(token('s3'));
  expect(['s1', 's2', 's3'].filter((sid) => tokens.find(sid, 'orders'))).toEqual(['s1', 's3']);
});

it('holds few audiences of one session', () => {
  const tokens = new SwappedTokens(2);
  const names = Array.from({ length: 100 }, (_, index) => `service-${String(index)}`);
  for (const name of names) tokens.keep(token('s1', name));
  expect(names.filter((name) => tokens.find('s1', name))).toEqual(names.slice(-16));
});

it('forgets one token only while it is that one', () => {
  const tokens = new SwappedTokens(2);
  tokens.keep(token('s1'));
  tokens.drop({ ...token('s1'), encoded: 'an older one' });
  expect(tokens.sessions).toBe(1);
  tokens.drop(token('s1'));
  expect(tokens.sessions).toBe(0);
});
