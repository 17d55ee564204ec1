import { generateKeyPairSync } from 'node:crypto';
import { parseKeySet, UnusableKeySet } from './key-set.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const good = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' };
const rsa = (modulusLength: number, publicExponent = 65537) => ({
  ...generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({
    format: 'jwk',
  }),
  kid: 'weak',
});

it('takes RS256 verification keys and leaves others out', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  const keys = parseKeySet({
    keys: [
      good,
      { ...ec, kid: 'ec' },
      { ...good, kid: 'enc', use: 'enc' },
      { ...good, kid: 'ps', alg: 'PS256' },
    ],
  });
  expect([...keys.keys()]).toEqual(['k1']);
});

it.each<[string, unknown]>([
  ['nothing', undefined],
  ['no list', { keys: {} }],
  ['an empty list', { keys: [] }],
  ['only keys for other uses', { keys: [{ ...good, use: 'enc' }] }],
  ['a private key', { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k1' }] }],
  ['a symmetric key beside a good one', { keys: [good, { kty: 'oct', k: 'AAAA', kid: 'o' }] }],
  ['two keys with one kid', { keys: [good, good] }],
  ['a key without kid', { keys: [{ ...good, kid: undefined }] }],
  ['a short modulus', { keys: [rsa(1024)] }],
  ['a small exponent', { keys: [rsa(2048, 3)] }],
  ['an even exponent', { keys: [{ ...good, e: Buffer.from([1, 0, 0, 0]).toString('base64url') }] }],
  ['rubbish for a modulus', { keys: [{ ...good, n: 7 }] }],
  [
    'too many keys',
    { keys: Array.from({ length: 33 }, (_, i) => ({ ...good, kid: `k${String(i)}` })) },
  ],
])('refuses %s', (_name, document) => {
  expect(() => parseKeySet(document)).toThrow(UnusableKeySet);
});
