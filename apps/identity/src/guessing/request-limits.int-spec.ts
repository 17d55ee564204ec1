import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import { startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { OPAQUE } from '../sessions/delivery/cookies.js';
import { COUNTED_ROUTES, DESCRIPTION_ROUTES } from './limited-routes.js';

jest.setTimeout(120_000);

let identity: ServingIdentity;
beforeAll(async () => {
  identity = await startServing((await startReplica()).databaseUrl, {
    TRUSTED_PROXIES: '127.0.0.0/8,::1/128',
    REQUESTS_PER_ADDRESS: '2/3600',
    REQUESTS_PER_NETWORK: '5/3600',
  });
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

const ask = (route: string, from: string, headers: Record<string, string> = {}) => {
  const [method = '', path = ''] = route.replace(':sid', 'x').split(' ');
  return fetch(identity.public + path, {
    method,
    headers: { 'x-forwarded-for': from, ...headers },
  });
};

const routes = [...COUNTED_ROUTES].map((route, n) => [route, `192.0.${String(n)}.7`] as const);
it.each(routes)(
  '%s: requests of one address are bounded, whoever they say they are',
  async (route, from) => {
    const served = DESCRIPTION_ROUTES.some((one) => one === route) ? 200 : 401;
    expect((await ask(route, from)).status).toBe(served);
    expect((await ask(route, from, { authorization: 'Bearer x' })).status).toBe(served);
    const refused = await ask(route, from, {
      cookie: `${OPAQUE.name}=x`,
      origin: 'http://localhost:8080',
    });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: 'too_many_attempts' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
    // A neighbour is served.
    expect((await ask(route, from.replace(/7$/, '8'))).status).toBe(served);
  },
);

it('HEAD counts as the GET that it is', async () => {
  for (const [n, route] of ['/auth/me', '/auth/sessions?limit=200', '/auth/activity'].entries()) {
    const from = `192.0.${String(100 + n)}.7`;
    for (const status of [401, 401, 429])
      expect([route, (await ask(`HEAD ${route}`, from)).status]).toEqual([route, status]);
    expect((await ask(`GET ${route}`, from)).status).toBe(429);
  }
});

it('and those of one network', async () => {
  const statuses: number[] = [];
  for (let n = 1; n <= 6; n += 1) {
    statuses.push((await ask('GET /auth/me', `198.51.100.${String(n)}`)).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  expect((await ask('GET /auth/me', '203.0.113.1')).status).toBe(401);
});

it('what caches keep is given to everybody, however often', async () => {
  for (let n = 0; n < 8; n += 1) {
    expect((await ask('GET /.well-known/jwks.json', '192.0.2.99')).status).toBe(200);
  }
});
