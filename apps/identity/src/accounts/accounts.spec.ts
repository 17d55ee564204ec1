import { maySignIn } from './account.js';
import { emailAddress, normalizeEmail } from './email-address.js';
import { scopesOf } from './roles.js';

it('an address has one spelling', () => {
  expect(normalizeEmail(' Ann@Example.TEST ')).toBe('ann@example.test');
  expect(normalizeEmail('zoe\u0308@example.test')).toBe('zoë@example.test');
});

it.each([
  '',
  'ann',
  'ann@',
  '@example.test',
  'a b@example.test',
  `${'a'.repeat(300)}@example.test`,
  'ann@example.test\r\nBcc: x@y.z',
])('refuses %j as an address', (text) => expect(emailAddress.safeParse(text).success).toBe(false));

it('roles add up to scopes', () => {
  expect(scopesOf(['support'])).toEqual(['orders:read', 'payments:read']);
  expect(scopesOf(['support', 'customer'])).toEqual([
    'orders:read',
    'orders:write',
    'payments:read',
    'payments:write',
  ]);
  expect(scopesOf([])).toEqual([]);
});

it.each([
  [{ emailVerifiedAt: null }, false],
  [{ passwordHash: null }, false],
  [{ disabledAt: new Date(0) }, false],
  [{}, true],
])('with %j, signing in is allowed: %p', (more, expected) => {
  const account = {
    id: 'u',
    email: 'a@b.c',
    emailVerifiedAt: new Date(0),
    passwordHash: 'h',
    passwordVersion: 1,
    roles: [],
    createdAt: new Date(0),
    disabledAt: null,
  };
  expect(maySignIn({ ...account, ...more })).toBe(expected);
});
