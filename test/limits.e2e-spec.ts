import { jest } from '@jest/globals';
import { bearer, expectStatus, post, Stack } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let account: { email: string; password: string };
beforeAll(async () => {
  stack = await Stack.start(['identity', 'gateway'], {
    SIGN_IN_FREE_FAILURES: '2',
    SIGN_IN_FIRST_DELAY_SECONDS: '3600',
    SIGN_IN_LONGEST_DELAY_SECONDS: '3600',
    SIGN_IN_FAILURES_PER_ADDRESS: '6/3600',
  });
  account = await stack.addAccount('ann@example.test');
});
afterAll(() => stack.stop());

const login = (body: { email: string; password: string }, headers: Record<string, string> = {}) =>
  post(stack.url('gateway', '/auth/login'), body, headers);
const guess = (email: string, headers?: Record<string, string>) =>
  login({ email, password: 'a wrong password' }, headers);

it('a known device is let in through the gateway while strangers are not; its cookie is for identity alone', async () => {
  const first = await expectStatus(200, login(account));
  const cookie = first.headers
    .getSetCookie()
    .find((one) => one.startsWith('__Secure-countersign-device='))!;
  expect(cookie).toContain('Path=/auth;');
  const { access_token: token } = (await first.json()) as { access_token: string };
  stack.know(token);
  const device = { cookie: cookie.split(';')[0]! };
  for (const status of [401, 401, 429]) await expectStatus(status, guess(account.email));
  const refused = await expectStatus(429, login(account));
  expect(refused.headers.get('content-type')).toContain('application/problem+json');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
  await expectStatus(200, login(account, device));
  // It says nothing of who somebody is.
  await expectStatus(401, fetch(stack.url('gateway', '/auth/me'), { headers: device }));
  const both = { ...device, ...bearer(token) };
  await expectStatus(200, fetch(stack.url('gateway', '/auth/me'), { headers: both }));
});

it('nobody gets another address by saying so: the gateway tells identity where a request is from', async () => {
  let n = 0;
  const from = () => ({ 'x-forwarded-for': `192.0.2.${String((n += 1))}` });
  const statuses: number[] = [];
  // Two have been counted before.
  for (const email of ['b', 'c', 'd', 'e', 'f', 'g']) {
    statuses.push((await guess(`${email}@example.test`, from())).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 429, 429]);
});
