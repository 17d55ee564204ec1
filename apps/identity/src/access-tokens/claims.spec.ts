import { claimsFor } from './claims.js';

const client = { id: 'first-party' };
const issued = {
  iss: 'https://id.example.test',
  iat: 1_000,
  jti: 'j',
  ttlSeconds: 300,
  audiences: ['identity', 'orders'],
};

it("a person's token names the session and never outlives it", () => {
  const session = { sid: 's', authTime: 999.7, expiresAt: 1_100.9 };
  const claims = claimsFor(
    { sub: 'u', client, scopes: ['a', 'b'], roles: ['customer'], session },
    issued,
  );
  expect(claims).toEqual({
    iss: 'https://id.example.test',
    sub: 'u',
    aud: ['identity', 'orders'],
    exp: 1_100,
    iat: 1_000,
    jti: 'j',
    client_id: 'first-party',
    scope: 'a b',
    sid: 's',
    auth_time: 999,
    roles: ['customer'],
  });
});

it("a service's token has neither session nor roles", () => {
  const claims = claimsFor({ sub: 'orders', client, scopes: [] }, issued);
  expect(claims.exp).toBe(1_300);
  expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['sid', 'auth_time', 'roles']));
});
