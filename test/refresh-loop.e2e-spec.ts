import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { createClient, SignInNeeded, TryLater } from '../examples/refresh-loop/refresh-loop.mjs';
import type { Client, HeldSession } from '../examples/refresh-loop/refresh-loop.mjs';
import { bearer, expectStatus, post, Stack, until } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let account: { email: string; password: string };
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders', 'payments', 'gateway'], {
    // The grace is not what is tested here, and a slow machine must not run out of it.
    REFRESH_GRACE_SECONDS: '60',
  });
  account = await stack.addAccount('ann@example.test');
});
afterAll(() => stack.stop());

/** An application that signed in, and what can be seen of it. */
interface App {
  readonly client: Client;
  readonly held: () => HeldSession;
  readonly hold: (state: HeldSession) => void;
  /** Answers to refreshes so far: the status, and the refresh token in it. */
  readonly refreshes: { status: number; next: string | undefined }[];
  /** Waits so far, milliseconds. */
  readonly waits: number[];
}

/** @param lose how many answers to refreshes get lost on their way */
async function signedInApp({ lose = 0, tries = 5 } = {}): Promise<App> {
  let state: HeldSession | undefined;
  const refreshes: App['refreshes'] = [];
  const waits: number[] = [];
  const client = createClient({
    origin: stack.url('gateway'),
    tries,
    store: { read: () => state, write: (next) => void (state = next) },
    sleep: (ms) => {
      waits.push(ms);
      return new Promise((resolve) => setTimeout(resolve, ms));
    },
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      if (!url.endsWith('/auth/refresh')) return answer;
      const { refresh_token: next } = (await answer.clone().json()) as Record<string, string>;
      refreshes.push({ status: answer.status, next });
      if (refreshes.length <= lose) throw new TypeError('fetch failed');
      return answer;
    },
  });
  const login = await expectStatus(200, post(stack.url('gateway', '/auth/login'), account));
  await client.signedIn((await login.json()) as HeldSession);
  const hold = (next: HeldSession) => void (state = next);
  return { client, held: () => state!, hold, refreshes, waits };
}

/** As if the access token had come to its end: no service takes it any more. */
const letExpire = ({ held, hold }: App) => hold({ ...held(), access_token: 'expired' });
const codeOf = (asking: Promise<unknown>) =>
  asking.then(
    () => 'answered',
    (error: unknown) => (error instanceof SignInNeeded ? error.code : error),
  );

it('nobody who has not signed in is let near the network', async () => {
  const client = createClient({
    origin: stack.url('gateway'),
    fetch: () => Promise.reject(new Error('it asked')),
  });
  expect(await codeOf(client.fetch('/orders'))).toBe('not_signed_in');
});

it('401: refreshes and asks again, also for what changes something', async () => {
  const app = await signedInApp();
  expect((await app.client.fetch('/orders')).status).toBe(200);
  expect(app.refreshes).toEqual([]);
  letExpire(app);
  const made = await app.client.fetch('/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ item: 'book', amount_cents: 1250 }),
  });
  expect(made.status).toBe(201);
  expect(app.refreshes).toEqual([{ status: 200, next: app.held().refresh_token }]);
});

it('twenty requests at once: one refresh, and twenty answers', async () => {
  const app = await signedInApp();
  letExpire(app);
  const answers = await Promise.all(Array.from({ length: 20 }, () => app.client.fetch('/auth/me')));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(app.refreshes).toHaveLength(1);
});

it('the answer to a refresh gets lost: the same token is shown again, and gets the same successor', async () => {
  const app = await signedInApp({ lose: 2 });
  letExpire(app);
  expect((await app.client.fetch('/auth/me')).status).toBe(200);
  const next = app.held().refresh_token;
  expect(app.refreshes).toEqual(Array(3).fill({ status: 200, next }));
  // Soon enough for any grace.
  expect(Math.max(...app.waits)).toBeLessThan(1_000);
  // The session goes on from there.
  letExpire(app);
  expect((await app.client.fetch('/auth/me')).status).toBe(200);
  expect(app.held().refresh_token).not.toBe(next);
});

it('no answer at all: gives up for now, and the session is as it was', async () => {
  const app = await signedInApp({ lose: 3, tries: 3 });
  letExpire(app);
  await expect(app.client.fetch('/auth/me')).rejects.toThrow(TryLater);
  expect(app.refreshes).toHaveLength(3);
  expect((await app.client.fetch('/auth/me')).status).toBe(200);
});

it('the session was ended elsewhere: asks to sign in, once', async () => {
  const [app, elsewhere] = [await signedInApp(), await signedInApp()];
  const ended = await elsewhere.client.fetch('/auth/sessions?keep=current', {
    method: 'DELETE',
    headers: { prefer: 'wait=10' },
  });
  // A machine that is busy may take longer than is waited for.
  expect([200, 202]).toContain(ended.status);
  const orders = () =>
    fetch(stack.url('gateway', '/orders'), { headers: bearer(app.held().access_token!) });
  await until(async () => (await orders()).status === 401, 30_000);
  const asked = Array.from({ length: 5 }, () => codeOf(app.client.fetch('/orders')));
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['session_ended']));
  expect(await codeOf(app.client.fetch('/orders'))).toBe('session_ended');
  expect(app.refreshes).toEqual([{ status: 401, next: undefined }]);
  // Signing in again makes it whole.
  const login = await expectStatus(200, post(stack.url('gateway', '/auth/login'), account));
  await app.client.signedIn((await login.json()) as HeldSession);
  expect((await app.client.fetch('/orders')).status).toBe(200);
});

it('a replay: a copy of the tokens was used elsewhere, and the person can be told', async () => {
  const app = await signedInApp();
  const copy = app.held();
  letExpire(app);
  await app.client.fetch('/auth/me');
  letExpire(app);
  await app.client.fetch('/auth/me');
  app.hold({ ...copy, access_token: 'expired' });
  expect(await codeOf(app.client.fetch('/auth/me'))).toBe('refresh_token_replayed');
});

/** A browser with delivery `session`, whose cookie the browser keeps for it. */
async function browserApp(): Promise<Client> {
  const origin = stack.url('gateway');
  const login = await expectStatus(
    200,
    post(`${origin}/auth/login`, { ...account, delivery: 'session' }, { origin }),
  );
  const [cookie = ''] = login.headers
    .getSetCookie()
    .filter((line) => line.startsWith('__Host-countersign-session='))
    .map((line) => line.split(';')[0]);
  stack.know(cookie.split('=')[1]!);
  return createClient({
    origin,
    delivery: 'session',
    fetch: (url, init) => {
      const headers = new Headers(init.headers);
      headers.set('cookie', cookie);
      return fetch(url, { ...init, headers });
    },
  });
}

it('tokens are cut off again and again while a session is used: nobody is signed out', async () => {
  const client = await browserApp();
  const statuses: Record<number, number> = {};
  let isOver = false;
  const readers = Array.from({ length: 6 }, async () => {
    while (!isOver) {
      const { status } = await client.fetch('/orders');
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  });
  const operator = bearer(await stack.addOperator('olga', ['end-sessions']));
  const cutOff = { kind: 'client', id: 'first-party', reason: 'a test' };
  try {
    for (let count = 0; count < 4; count += 1) {
      await delay(1_000);
      await expectStatus(
        202,
        post(stack.url('operator', '/operator/revocations'), cutOff, operator),
      );
    }
  } finally {
    isOver = true;
    await Promise.all(readers);
  }
  expect(Object.keys(statuses)).toEqual(['200']);
});

/** A client in front of answers that are told here, one after the other; then everything is fine. */
function clientHearing(delivery: 'cookie' | 'session', answers: readonly [number, string][]) {
  const left = [...answers];
  const asked: string[] = [];
  const client = createClient({
    origin: 'https://api.example',
    delivery,
    fetch: async (url) => {
      asked.push(new URL(url).pathname);
      const [status, code] = left.shift() ?? [200, 'ok'];
      if (code === 'replaced meanwhile') await client.signedIn({});
      const said = code === 'replaced meanwhile' ? 'session_ended' : code;
      return Promise.resolve(Response.json({ code: said }, { status }));
    },
  });
  return { client, asked };
}

it.each(['wrong_audience', 'unauthorized'])(
  'delivery session: 401 %s is the service’s own affair, and the session goes on',
  async (code) => {
    const { client } = clientHearing('session', [[401, code]]);
    const answer = await client.fetch('/orders');
    expect([answer.status, await answer.json()]).toEqual([401, { code }]);
    expect((await client.fetch('/orders')).status).toBe(200);
  },
);

it('delivery session: a token that was overtaken is asked for once more', async () => {
  const one = clientHearing('session', [[401, 'revoked']]);
  expect((await one.client.fetch('/orders')).status).toBe(200);
  const two = clientHearing('session', [
    [401, 'revoked'],
    [401, 'revoked'],
  ]);
  expect((await two.client.fetch('/orders')).status).toBe(401);
  expect((await two.client.fetch('/orders')).status).toBe(200);
  const over = clientHearing('session', [[401, 'session_ended']]);
  expect(await codeOf(over.client.fetch('/orders'))).toBe('session_ended');
  expect(await codeOf(over.client.fetch('/orders'))).toBe('session_ended');
});

it('a late answer about a session that somebody has signed in over ends nothing', async () => {
  const session = clientHearing('session', [[401, 'replaced meanwhile']]);
  expect((await session.client.fetch('/orders')).status).toBe(200);
  const cookie = clientHearing('cookie', [
    [401, 'expired'],
    [401, 'replaced meanwhile'],
  ]);
  expect((await cookie.client.fetch('/orders')).status).toBe(200);
});

it('cookies that were written over on the way, as by a new password: the next ones are tried before anybody signs in', async () => {
  const { client, asked } = clientHearing('cookie', [
    [401, 'revoked'],
    [401, 'refresh_token_rejected'],
  ]);
  expect((await client.fetch('/orders')).status).toBe(200);
  expect(asked).toEqual(['/orders', '/auth/refresh', '/auth/refresh', '/orders']);
  const over = clientHearing('cookie', [
    [401, 'revoked'],
    [401, 'refresh_token_rejected'],
    [401, 'refresh_token_rejected'],
  ]);
  expect(await codeOf(over.client.fetch('/orders'))).toBe('refresh_token_rejected');
});

it('503: waits as long as it is told to, and goes on when identity is back', async () => {
  const app = await signedInApp({ tries: 30 });
  letExpire(app);
  await stack.endApp('identity');
  const asking = app.client.fetch('/orders');
  await stack.startApp('identity');
  expect((await asking).status).toBe(200);
  expect(app.waits.length).toBeGreaterThan(0);
  for (const ms of app.waits) expect(ms).toBeGreaterThanOrEqual(5_000);
  expect(app.refreshes.map(({ status }) => status)).toEqual([...app.waits.map(() => 503), 200]);
});

it('429: waits as long as it is told to, and no session is lost', async () => {
  const apps = await Promise.all([signedInApp(), signedInApp(), signedInApp()]);
  await stack.endApp('identity');
  await stack.startApp('identity', { env: { REFRESHES_PER_ADDRESS: '2/10' } });
  apps.forEach(letExpire);
  const answers = await Promise.all(apps.map(({ client }) => client.fetch('/auth/me')));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  const statuses = apps.flatMap(({ refreshes }) => refreshes.map(({ status }) => status));
  expect(statuses.filter((status) => status === 200)).toHaveLength(3);
  expect(statuses).toContain(429);
});

it('a wait that is too long is the caller’s to decide about', async () => {
  const app = await signedInApp({ tries: 1 });
  letExpire(app);
  await stack.endApp('identity');
  await expect(app.client.fetch('/orders')).rejects.toThrow(TryLater);
  expect(app.waits).toEqual([]);
  await stack.startApp('identity');
  const token = await stack.signIn(account);
  await expectStatus(200, fetch(stack.url('gateway', '/auth/me'), { headers: bearer(token) }));
});
