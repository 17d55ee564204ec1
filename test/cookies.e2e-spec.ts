import { jest } from '@jest/globals';
import { Browser } from '../apps/identity/test/browser.js';
import { Stack, until } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let account: { email: string; password: string };
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders', 'payments', 'gateway']);
  account = await stack.addAccount('ann@example.test');
});
afterAll(() => stack.stop());

/** A page of the public origin, which is the gateway. */
const page = () => new Browser(stack.url('gateway'), stack.url('gateway'));

it.each(['cookie', 'session'])(
  'delivery %s, through the gateway: a browser signs in, sees its sessions, ends the others and logs out',
  async (delivery) => {
    const [browser, elsewhere] = [page(), page()];
    for (const one of [browser, elsewhere]) {
      const login = await one.fetch('POST', '/auth/login', {
        ...account,
        delivery,
        remember: true,
      });
      expect(login.status).toBe(200);
      expect(JSON.stringify(login.body)).not.toMatch(/token"/);
    }
    if (delivery === 'cookie') {
      expect((await browser.fetch('POST', '/auth/refresh')).status).toBe(200);
    }
    const { body } = await browser.fetch('GET', '/auth/sessions');
    expect(body['items']).toMatchObject([
      { delivery, current: false },
      { delivery, current: true },
    ]);
    const ended = await browser.fetch('DELETE', '/auth/sessions?keep=current', undefined, [
      'prefer',
      'wait=2',
    ]);
    // A machine that is busy may take longer than is waited for.
    expect([200, 202]).toContain(ended.status);
    await until(async () => (await elsewhere.fetch('GET', '/auth/me')).status === 401, 30_000);
    expect((await browser.fetch('GET', '/auth/me')).body).toMatchObject({ email: account.email });
    const out = await browser.fetch('POST', '/auth/logout', undefined, ['prefer', 'wait=2']);
    expect([200, 202]).toContain(out.status);
    expect([...browser.sessionCookies]).toEqual([]);
    expect((await browser.fetch('GET', '/auth/me')).status).toBe(401);
  },
);

it('a page of another site cannot sign its visitor in', async () => {
  const other = new Browser(stack.url('gateway'), 'https://evil.example');
  const login = await other.fetch('POST', '/auth/login', { ...account, delivery: 'session' });
  expect(login).toMatchObject({ status: 403, body: { code: 'origin_required' } });
  expect([...other.cookies]).toEqual([]);
});

it('no log line of any process holds what the cookies hold', async () => {
  const browser = page();
  await browser.fetch('POST', '/auth/login', { ...account, delivery: 'session' });
  await browser.fetch('GET', '/auth/me');
  const inCookies = page();
  await inCookies.fetch('POST', '/auth/login', { ...account, delivery: 'cookie' });
  await inCookies.fetch('POST', '/auth/refresh');
  const held = [...browser.cookies.values(), ...inCookies.cookies.values()];
  expect(held).toHaveLength(5);
  await stack.endApp('identity');
  for (const { value } of held) expect(stack.logs()).not.toContain(value.split('.').at(-1));
});
