import { describe, expect, test } from '@jest/globals';
import { isUnambiguousTarget } from './request-target.js';

describe('a request target', () => {
  test.each([
    '/',
    '/orders',
    '/orders/',
    '/orders?limit=1&cursor=%2F..%2F',
    '/orders/%C3%BCber',
    '/orders/a%20b',
    '/orders/...',
    '/orders/.hidden',
    '/orders/a.b/c..d',
    '/orders/a;b=c',
    '/orders/...;a',
    '/.well-known/jwks.json',
    '/auth/sessions/a%252fb',
  ])('%s means one thing', (target) => {
    expect(isUnambiguousTarget(target)).toBe(true);
  });

  test.each([
    '',
    '*',
    'orders',
    'http://evil.example/orders',
    '//evil.example/orders',
    '/orders//1',
    '/orders/../auth',
    '/orders/..',
    '/./orders',
    '/orders/%2e%2e/auth',
    '/orders/.%2E/auth',
    '/orders/%2E',
    '/orders/..;/actuator',
    '/orders/.;a=b/actuator',
    '/orders/..%3b/actuator',
    '/orders/%2e.%3B',
    '/orders%2fpay',
    '/orders%2Fpay',
    '/orders%5cpay',
    '/orders\\pay',
    '/orders%00',
    '/orders%0d%0aX:1',
    '/orders%7f',
    '/orders#fragment',
    '/orders?a=b#fragment',
    '/orders /1',
    '/orders/%',
    '/orders/%zz',
    '/orders/%ff',
    '/orders/\u00fcber',
    '/orders?a=\u0001',
  ])('%j may mean several', (target) => {
    expect(isUnambiguousTarget(target)).toBe(false);
  });
});
