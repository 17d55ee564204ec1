import { createHash } from 'node:crypto';
import type { AccessToken } from './access-token.js';
import type { KeySet } from '../keys/key-set.js';
import { VerifiedTokens } from './verified-tokens.js';

const keys: KeySet = new Map();
const tokenOf = (text: string) => ({ encoded: text }) as AccessToken;
const entryOf = (text: string) => ({ text, keys, token: tokenOf(text), clearedAt: 0 });
/** A text whose signature differs from all others, as signatures do. */
const random = (n: number) =>
  `${'a'.repeat(100)}.${createHash('sha256').update(String(n)).digest('base64url')}`;

it('gives back what was added, for an equal text and the same key set only', () => {
  const memory = new VerifiedTokens({ maxEntries: 10, maxBytes: 10_000 });
  memory.add(entryOf('header.payload.signature'));
  expect(memory.get(['header', 'payload', 'signature'].join('.'), keys)?.token.encoded).toBe(
    'header.payload.signature',
  );
  expect(memory.get('header.payload.signature', new Map())).toBeUndefined();
});

it('two texts with one ending are two tokens', () => {
  const memory = new VerifiedTokens({ maxEntries: 10, maxBytes: 10_000 });
  memory.add(entryOf('header.payload.signature'));
  expect(memory.get('header.PAYLOAD.signature', keys)).toBeUndefined();
  memory.add(entryOf('header.PAYLOAD.signature'));
  expect(memory.get('header.PAYLOAD.signature', keys)?.text).toBe('header.PAYLOAD.signature');
});

it('is as exact about tokens that have become old', () => {
  const memory = new VerifiedTokens({ maxEntries: 4, maxBytes: 10_000 });
  memory.add(entryOf('header.payload.signature'));
  memory.add(entryOf(random(1)));
  memory.add(entryOf(random(2)));
  expect(memory.get('header.payload.signature', new Map())).toBeUndefined();
  expect(memory.get('header.PAYLOAD.signature', keys)).toBeUndefined();
  expect(memory.get('header.payload.signature', keys)?.text).toBe('header.payload.signature');
});

it('never holds more than it may, in entries or bytes', () => {
  const many = new VerifiedTokens({ maxEntries: 100, maxBytes: 1_000_000 });
  const long = new VerifiedTokens({ maxEntries: 1_000_000, maxBytes: 10_000 });
  for (let n = 0; n < 5_000; n += 1) {
    many.add(entryOf(random(n)));
    long.add(entryOf(random(n)));
    expect(many.size).toBeLessThanOrEqual(100);
    expect(long.size * random(0).length).toBeLessThanOrEqual(10_000);
  }
});

it('a flood of tokens used once does not push out those in use', () => {
  const memory = new VerifiedTokens({ maxEntries: 1_000, maxBytes: 10_000_000 });
  const inUse = Array.from({ length: 100 }, (_, n) => random(n));
  for (const used of inUse) memory.add(entryOf(used));
  let hits = 0;
  for (let n = 0; n < 20_000; n += 1) {
    memory.add(entryOf(random(1_000 + n)));
    if (memory.get(inUse[n % 100]!, keys)) hits += 1;
  }
  expect(hits).toBeGreaterThan(19_800);
});

it('keeps almost all of as many tokens as it may hold in one generation', () => {
  const memory = new VerifiedTokens({ maxEntries: 4_000, maxBytes: 10_000_000 });
  const tokens = Array.from({ length: 1_900 }, (_, n) => random(n));
  for (const one of tokens) memory.add(entryOf(one));
  expect(tokens.filter((one) => memory.get(one, keys)).length).toBeGreaterThan(1_890);
});
