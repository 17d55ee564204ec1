import { isSafeUrl } from './discovery.js';

it.each([
  ['https://identity.example/metadata', true],
  ['http://localhost:3005', true],
  ['http://127.0.0.1:3005', true],
  ['http://127.1.2.3', true],
  ['http://127.1', true],
  ['http://[::1]:3005', true],
  ['http://identity:3005', false],
  ['http://127.0.0.1.example', false],
  ['http://localhost.example', false],
  ['http://localhost@identity.example', false],
  ['http://0.0.0.0', false],
  ['ftp://localhost', false],
  ['file:///etc/hosts', false],
  ['nowhere', false],
])('credentials may be sent to %s: %s', (url, safe) => {
  expect(isSafeUrl(url, false)).toBe(safe);
});

it('consent opens plain http, and nothing else', () => {
  expect(isSafeUrl('http://identity:3005', true)).toBe(true);
  expect(isSafeUrl('ftp://identity', true)).toBe(false);
  expect(isSafeUrl('nowhere', true)).toBe(false);
});
