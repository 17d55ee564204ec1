import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { isThumbprint, readKeySetText, UnusableKeySet } from './key-set.js';

interface Case {
  ref: string;
  name: string;
  body: string;
  taken: string[] | null;
  skipped: object[];
  refused: string | null;
}

const file = new URL('../../../../vectors/key-sets.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };

it.each(cases.filter(({ taken }) => taken))('$ref $name: takes $taken', (given) => {
  const { keys, skipped } = readKeySetText(Buffer.from(given.body));
  expect([...keys.keys()]).toEqual(given.taken);
  expect(skipped).toEqual(given.skipped);
});

it.each(cases.filter(({ refused }) => refused))('$ref $name: refused, $refused', (given) => {
  expect(() => readKeySetText(Buffer.from(given.body))).toThrow(new UnusableKeySet(given.refused!));
});

it('refuses what is not UTF-8', () => {
  const bytes = Buffer.from(cases[0]!.body.replace('"kid"', '"\u00ff"'), 'latin1');
  expect(() => readKeySetText(bytes)).toThrow(new UnusableKeySet('the document is not UTF-8'));
});

it('knows a kid that no other key can have (the example of RFC 7638 §3.1)', () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
  const kid = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
  const { keys } = readKeySetText(
    Buffer.from(JSON.stringify({ keys: [{ kty: 'RSA', n, e: 'AQAB', kid }] })),
  );
  expect(isThumbprint(kid, keys.get(kid)!)).toBe(true);
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  expect(isThumbprint(kid, publicKey)).toBe(false);
});
