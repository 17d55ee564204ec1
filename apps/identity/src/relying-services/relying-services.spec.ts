import { readBasicCredentials } from './client-credentials.js';
import { parseDeclaredServices, UnusableDeclaration } from './declared-services.js';

const digest = 'a'.repeat(64);
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

it('reads client credentials, with the encoding of RFC 6749', () => {
  expect(readBasicCredentials(basic('orders:s%3A%20x'))).toEqual({
    clientId: 'orders',
    clientSecret: 's: x',
  });
  expect(readBasicCredentials(basic('orders:a:b'))).toEqual({
    clientId: 'orders',
    clientSecret: 'a:b',
  });
});

it.each([
  undefined,
  '',
  'Basic',
  'Basic !',
  'Bearer abc',
  basic('nocolon'),
  basic(':x'),
  basic('a:%'),
  `Basic ${'A'.repeat(2000)}`,
])('finds no client credentials in %p', (header) =>
  expect(readBasicCredentials(header)).toBeUndefined(),
);

it('reads a declaration', () => {
  const services = parseDeclaredServices(
    JSON.stringify([{ id: 'gateway', audience: null, secret_sha256: digest }]),
  );
  expect(services).toEqual([
    { id: 'gateway', audience: null, secretSha256: Buffer.from(digest, 'hex') },
  ]);
});

it.each([
  ['not JSON', '{'],
  ['an object', '{}'],
  ['an id with spaces', JSON.stringify([{ id: 'a b', audience: 'a', secret_sha256: digest }])],
  ['a secret in clear', JSON.stringify([{ id: 'a', audience: 'a', secret: 'x' }])],
  ['a digest of wrong length', JSON.stringify([{ id: 'a', audience: 'a', secret_sha256: 'ff' }])],
  [
    'one id twice',
    JSON.stringify([1, 2].map(() => ({ id: 'a', audience: 'a', secret_sha256: digest }))),
  ],
])('refuses %s', (_name, text) => {
  expect(() => parseDeclaredServices(text)).toThrow(UnusableDeclaration);
});
