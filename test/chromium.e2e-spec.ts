import type { Server } from 'node:http';
import { jest } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { createClient } from '../examples/refresh-loop/refresh-loop.mjs';
import { startChromium, startFrontEnd, within } from './chromium.js';
import { freePorts, Stack } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let browser: Browser;
let account: { email: string; password: string };
let servers: Server[] = [];
/** Of our own site on another port: one that identity was told of, and one that it was not. */
let trusted: string;
let untrusted: string;
/** The same server as `untrusted`; to a browser another site. */
let foreign: string;

beforeAll(async () => {
  browser = await startChromium();
  const [one = 0, other = 0] = await freePorts(2);
  servers = await Promise.all([one, other].map(startFrontEnd));
  trusted = `http://localhost:${String(one)}`;
  untrusted = `http://localhost:${String(other)}`;
  foreign = `http://127.0.0.1:${String(other)}`;
  stack = await Stack.start(['identity', 'orders', 'payments', 'gateway'], {
    TRUSTED_ORIGINS: trusted,
    REFRESH_GRACE_SECONDS: '60',
  });
  account = await stack.addAccount('ann@example.test');
});
afterAll(async () => {
  await within('closing the browser', browser.close());
  for (const server of servers) server.close();
  await stack.stop();
});

type StorageState = Awaited<ReturnType<BrowserContext['storageState']>>;

const contexts: BrowserContext[] = [];
afterEach(async () => {
  for (const context of contexts.splice(0)) await within('closing', context.close());
});

/** Somebody's browser, with no cookies yet unless given. The start page forbids scripts, which is what runs here. */
async function openBrowser(storageState?: StorageState): Promise<BrowserContext> {
  const making = browser.newContext({ bypassCSP: true, ...(storageState && { storageState }) });
  const context = await within('a new browser', making);
  context.setDefaultTimeout(60_000);
  contexts.push(context);
  return context;
}

/** Opens a page of an origin: by default of the gateway's, whose start page it is. */
async function open(context: BrowserContext, origin = stack.url('gateway')): Promise<Page> {
  const page = await within('a new page', context.newPage());
  await page.goto(`${origin}/`);
  return page;
}

interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly mode?: 'cors' | 'no-cors';
}

/** What a script of the page gets for a `fetch` with credentials: `status` 0 when it may not know, `refused` when nothing came. */
function ask(page: Page, path: string, asked: Asked = {}) {
  const url = stack.url('gateway', path);
  const asking = page.evaluate(
    async ({ url, method = 'GET', body, contentType, mode }) => {
      try {
        const answer = await fetch(url, {
          method,
          credentials: 'include',
          signal: AbortSignal.timeout(60_000),
          ...(mode && { mode }),
          ...(body !== undefined && { body, headers: { 'content-type': contentType } }),
        });
        const text = await answer.text();
        const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
        return { status: answer.status, body: json };
      } catch {
        return { status: 'refused', body: {} };
      }
    },
    { url, contentType: 'application/json', ...asked },
  );
  return within(`${asked.method ?? 'GET'} ${path} in a page`, asking);
}

const signIn = (page: Page, delivery: string, remember = false) =>
  ask(page, '/auth/login', {
    method: 'POST',
    body: JSON.stringify({ ...account, delivery, remember }),
  });
const me = (page: Page) => ask(page, '/auth/me');

/** The cookies that carry a session, by what they hold. */
async function held(context: BrowserContext) {
  const all = await context.cookies();
  return new Map(
    all.flatMap((cookie) => {
      const [, kind] = /-(access|refresh|session)$/.exec(cookie.name) ?? [];
      return kind === undefined ? [] : [[kind, cookie] as const];
    }),
  );
}

const ORDER = '{"item":"book","amount_cents":1250}';
/** The same as the one field of a form: what is between the quotes of its last member is its name and its value. */
const ORDER_FORM = '{"amount_cents":1250,"item":"="}';
const KINDS = { cookie: ['access', 'refresh'], session: ['session'] };

describe.each(['cookie', 'session'] as const)('delivery %s', (delivery) => {
  it('signs in; no script can read the cookies; a log-out takes them back', async () => {
    const context = await openBrowser();
    const page = await open(context);
    expect((await me(page)).status).toBe(401);
    const login = await signIn(page, delivery);
    expect(login.status).toBe(200);
    expect(Object.keys(login.body).join()).not.toMatch(/_token/);

    const cookies = await held(context);
    expect([...cookies.keys()].sort()).toEqual(KINDS[delivery]);
    for (const { httpOnly, secure, sameSite } of cookies.values()) {
      expect({ httpOnly, secure }).toEqual({ httpOnly: true, secure: true });
      expect(['Lax', 'Strict']).toContain(sameSite);
    }
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await me(page)).toMatchObject({ status: 200, body: { email: account.email } });

    expect((await ask(page, '/auth/logout', { method: 'POST' })).status).toBe(202);
    expect([...(await held(context)).keys()]).toEqual([]);
    expect((await me(page)).status).toBe(401);
  });

  it.each([true, false])(
    'remember %s: whether the cookies outlive the browser',
    async (remember) => {
      const context = await openBrowser();
      await signIn(await open(context), delivery, remember);
      const cookies = [...(await held(context)).values()];
      expect(cookies).toHaveLength(KINDS[delivery].length);
      // -1: until the browser ends.
      for (const { expires } of cookies) expect(expires === -1).toBe(!remember);
      const kept = await context.storageState();
      const lasting = kept.cookies.filter(({ expires }) => expires !== -1);
      const later = await openBrowser({ ...kept, cookies: lasting });
      expect((await me(await open(later))).status).toBe(remember ? 200 : 401);
    },
  );

  it('a page of another origin, or site, can end nothing and change nothing in somebody’s name', async () => {
    const context = await openBrowser();
    const page = await open(context);
    await signIn(page, delivery);
    const before = await ask(page, '/orders');
    for (const [origin, status] of [
      // The browser sends the cookies along within a site, and the origin is what gives it away.
      [untrusted, 403],
      // From another site it keeps them.
      [foreign, 401],
    ] as const) {
      const other = await open(context, origin);
      const [body, contentType] = [ORDER, 'text/plain'];
      for (const path of ['/auth/logout', '/auth/account/delete', '/auth/refresh', '/orders']) {
        const answered = other.waitForResponse(stack.url('gateway', path));
        await ask(other, path, { method: 'POST', mode: 'no-cors', body, contentType });
        expect([origin, path, (await answered).status()]).toEqual([
          origin,
          path,
          path === '/orders' ? status : 403,
        ]);
      }
      expect(await submitForm(context, origin, '/auth/logout')).toBe(403);
      expect(await submitForm(context, origin, '/orders', ORDER_FORM)).toBe(status);
      // What needs a preflight does not even start.
      for (const [method, path] of [
        ['POST', '/auth/logout'],
        ['DELETE', '/auth/sessions'],
        ['POST', '/orders'],
      ] as const) {
        expect((await ask(other, path, { method, body: ORDER })).status).toBe('refused');
      }
    }
    expect(await ask(page, '/orders')).toEqual(before);
    expect(await me(page)).toMatchObject({ status: 200, body: { email: account.email } });
    expect([...(await held(context)).keys()].sort()).toEqual(KINDS[delivery]);
  });

  it('a page elsewhere cannot sign its visitor in', async () => {
    const context = await openBrowser();
    const credentials = JSON.stringify({ ...account, delivery });
    for (const origin of [untrusted, foreign]) {
      const other = await open(context, origin);
      expect((await signIn(other, delivery)).status).toBe('refused');
      const answered = other.waitForResponse(stack.url('gateway', '/auth/login'));
      const asked = { method: 'POST', body: credentials, contentType: 'text/plain' };
      await ask(other, '/auth/login', { ...asked, mode: 'no-cors' });
      expect((await answered).status()).toBe(403);
      expect(
        await submitForm(context, origin, '/auth/login', `${credentials.slice(0, -1)},"x":"="}`),
      ).toBe(403);
      expect([...(await held(context)).keys()]).toEqual([]);
    }
  });

  it('a trusted origin signs in, orders, reads, and logs out with the cookies', async () => {
    const context = await openBrowser();
    const page = await open(context, trusted);
    expect((await signIn(page, delivery)).status).toBe(200);
    expect([...(await held(context)).keys()].sort()).toEqual(KINDS[delivery]);
    expect(await me(page)).toMatchObject({ status: 200, body: { email: account.email } });
    const placed = await ask(page, '/orders', { method: 'POST', body: ORDER });
    expect(placed).toMatchObject({ status: 201, body: { item: 'book' } });
    const id = String((placed.body as { id: unknown }).id);
    expect((await ask(page, `/orders/${id}/pay`, { method: 'POST' })).status).toBe(200);
    if (delivery === 'cookie') {
      expect((await ask(page, '/auth/refresh', { method: 'POST' })).status).toBe(200);
    }
    expect((await ask(page, '/auth/logout', { method: 'POST' })).status).toBe(202);
    expect([...(await held(context)).keys()]).toEqual([]);
    // A page that is not trusted may not even read.
    const other = await open(context, untrusted);
    for (const path of ['/auth/me', '/orders']) {
      expect((await ask(other, path)).status).toBe('refused');
    }
  });
});

/** Clicks on a form in a page of that origin. @returns the status of the page that it leads to */
async function submitForm(context: BrowserContext, from: string, path: string, text = 'a=b') {
  const page = await open(context, from);
  // With this encoding a form can send something that reads as JSON.
  const [name = '', value = ''] = text.replaceAll('"', '&quot;').split('=');
  await page.setContent(
    `<form method="post" action="${stack.url('gateway', path)}" enctype="text/plain">
      <input name="${name}" value="${value}"><button>win a prize</button></form>`,
  );
  const answered = page.waitForResponse(stack.url('gateway', path));
  await page.click('button');
  const status = (await answered).status();
  // A page that is closed while it goes somewhere can hang.
  await page.waitForURL(stack.url('gateway', path));
  return status;
}

/** What the browser has is of no use any more, as when it has expired. */
async function spoilAccess(context: BrowserContext) {
  const cookie = (await held(context)).get('access');
  if (!cookie) return;
  const { name, value, httpOnly, secure, sameSite } = cookie;
  const spoilt = `${value.slice(0, -8)}AAAAAAAA`;
  // Written from outside, a cookie with this prefix has to be one of https.
  const url = stack.url('gateway').replace('http:', 'https:');
  await context.addCookies([{ name, value: spoilt, url, httpOnly, secure, sameSite }]);
  expect((await held(context)).get('access')?.value).toBe(spoilt);
}

it('delivery cookie: refreshes with both cookies, whatever has become of the access token', async () => {
  const context = await openBrowser();
  const page = await open(context);
  await signIn(page, 'cookie');
  const before = (await held(context)).get('refresh')?.value;
  await spoilAccess(context);
  expect((await me(page)).status).toBe(401);
  expect((await ask(page, '/auth/refresh', { method: 'POST' })).status).toBe(200);
  expect((await held(context)).get('refresh')?.value).not.toBe(before);
  expect((await me(page)).status).toBe(200);
  // One alone may have been planted by another host.
  await context.clearCookies({ name: '__Host-countersign-access' });
  const alone = await ask(page, '/auth/refresh', { method: 'POST' });
  expect(alone).toMatchObject({ status: 401, body: { code: 'refresh_token_rejected' } });
});

/** Uses the refresh loop in a page: so many requests at once. @returns their statuses, or what was thrown */
function useTheLoop(
  page: Page,
  delivery: 'cookie' | 'session',
  requests: number,
): Promise<string[]> {
  const using = page.evaluate(
    async ({ origin, delivery, requests }) => {
      const file = '/refresh-loop.mjs';
      const loop = (await import(file)) as { createClient: typeof createClient };
      const client = loop.createClient({ origin, delivery });
      const one = () =>
        client.fetch('/auth/me').then(
          ({ status }) => String(status),
          (error: unknown) => (error as { code?: string }).code ?? String(error),
        );
      return Promise.all(Array.from({ length: requests }, one));
    },
    { origin: stack.url('gateway'), delivery, requests },
  );
  return within('the refresh loop in a page', using);
}

it('the refresh loop with cookies: three tabs, thirty requests at once, a refresh for all', async () => {
  const context = await openBrowser();
  const tabs = await Promise.all([1, 2, 3].map(() => open(context, trusted)));
  await signIn(tabs[0]!, 'cookie');
  let refreshes = 0;
  context.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/auth/refresh')) refreshes += 1;
  });
  // Storage reaches the process of another tab a moment later, and then that asks once more.
  const expectOneOrSo = (before: number) => {
    expect(refreshes - before).toBeGreaterThanOrEqual(1);
    expect(refreshes - before).toBeLessThanOrEqual(tabs.length);
  };
  for (let round = 1; round <= 2; round += 1) {
    const before = refreshes;
    await spoilAccess(context);
    const all = await Promise.all(tabs.map((tab) => useTheLoop(tab, 'cookie', 10)));
    expect(new Set(all.flat())).toEqual(new Set(['200']));
    expectOneOrSo(before);
  }
  // Ended in one tab: all hear it, and one asked.
  const { body } = await ask(tabs[0]!, '/auth/sessions', { method: 'DELETE' });
  expect(body).toHaveProperty('revocation');
  const before = refreshes;
  const after = await Promise.all(tabs.map((tab) => useTheLoop(tab, 'cookie', 10)));
  expect(new Set(after.flat())).toEqual(new Set(['refresh_token_rejected']));
  expectOneOrSo(before);
});

it('the refresh loop with delivery session: nothing to refresh; a 401 asks to sign in', async () => {
  const page = await open(await openBrowser(), trusted);
  await signIn(page, 'session');
  expect(await useTheLoop(page, 'session', 1)).toEqual(['200']);
  await ask(page, '/auth/logout', { method: 'POST' });
  expect(await useTheLoop(page, 'session', 1)).toEqual(['credentials_required']);
});
