import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { ask, Browser } from '../apps/identity/test/browser.js';
import { freePorts, Stack, until } from './stack.js';

jest.setTimeout(240_000);

const SESSION = '__Host-countersign-session';
const ACCESS = '__Host-countersign-access';

let stack: Stack;
let account: { email: string; password: string };
/** An upstream that shows in a header, and below `/orders/leak` in its body too, what it was sent; behind a gateway of its own. */
let echo: Server;
let echoing: string;
/** The tokens that it was given. */
const given: string[] = [];
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders', 'payments', 'gateway']);
  account = await stack.addAccount('ann@example.test');
  echo = createServer(({ headers, url = '' }, response) => {
    given.push(headers.authorization?.replace('Bearer ', '') ?? '');
    response
      .setHeader('x-echo', headers.authorization ?? '')
      .setHeader('set-cookie', `${SESSION}=evil`)
      .setHeader('content-type', 'application/json');
    const size = Number(/^\/orders\/leak\/(\d+)/.exec(url)?.[1] ?? Number.NaN);
    if (size >= 0) response.write(' '.repeat(size));
    response.end(
      JSON.stringify({
        cookie: headers.cookie,
        sent: Object.keys(headers).sort(),
        ...(size >= 0 && { headers }),
      }),
    );
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const [port, management] = await freePorts(2);
  await stack.startApp('gateway', {
    name: 'gateway-echoing',
    env: {
      PORT: String(port),
      MANAGEMENT_PORT: String(management),
      ORDERS_URL: `http://127.0.0.1:${String((echo.address() as AddressInfo).port)}`,
    },
  });
  echoing = `http://localhost:${String(port)}`;
});
afterAll(async () => {
  echo.close();
  echo.closeAllConnections();
  await stack.stop();
});

/** A page of the public origin, which is the gateway. */
async function signIn(delivery: string, at = stack.url('gateway')): Promise<Browser> {
  const browser = new Browser(at, stack.url('gateway'));
  const login = await browser.fetch('POST', '/auth/login', { ...account, delivery });
  expect(login.status).toBe(200);
  return browser;
}
const valueOf = (browser: Browser, name: string) => browser.cookies.get(name)!.value;
const waiting = ['prefer', 'wait=5'];

it.each(['session', 'cookie'])(
  'delivery %s: orders and payments, by the cookie alone',
  async (delivery) => {
    const browser = await signIn(delivery);
    const placed = await browser.fetch('POST', '/orders', { item: 'book', amount_cents: 1250 });
    expect(placed.status).toBe(201);
    const id = String(placed.body['id']);
    expect((await browser.fetch('POST', `/orders/${id}/pay`)).body).toMatchObject({
      status: 'paid',
    });
    const { body } = await browser.fetch('GET', '/payments');
    expect(body['items']).toContainEqual(expect.objectContaining({ order_id: id }));
    const orders = await browser.fetch('GET', '/orders');
    expect(JSON.stringify([placed, body, orders])).not.toMatch(/eyJ/);
  },
);

it('logged out everywhere from elsewhere, the next request is refused at once', async () => {
  const endAll = async () => {
    const [browser, elsewhere] = [await signIn('session'), await signIn('session')];
    for (let count = 0; count < 3; count += 1) {
      expect((await browser.fetch('GET', '/orders')).status).toBe(200);
      expect((await browser.fetch('GET', '/payments')).status).toBe(200);
    }
    return {
      browser,
      ended: await elsewhere.fetch('DELETE', '/auth/sessions', undefined, waiting),
    };
  };
  let { browser, ended } = await endAll();
  // On a machine that is too busy for the receipts to come in time, once more.
  for (let left = 4; left > 0 && ended.status === 202; left -= 1)
    ({ browser, ended } = await endAll());
  expect(ended).toMatchObject({ status: 200, body: { revocation: { status: 'applied' } } });
  for (const path of ['/orders', '/payments']) {
    expect(await browser.fetch('GET', path)).toMatchObject({
      status: 401,
      body: { code: 'session_ended' },
    });
  }
});

it('fifty first requests at once make one token', async () => {
  const browser = await signIn('session');
  const before = await swapsIssued();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => browser.fetch('GET', '/orders')),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await swapsIssued()).toBe(before + 1);
});

it('what a client sends reaches a service as nobody; what a service was given reaches no client', async () => {
  for (const delivery of ['session', 'cookie']) {
    const browser = await signIn(delivery, echoing);
    const cookies = browser.cookieHeader('/orders');
    const { status, headers, setCookies, body } = await ask(echoing, 'GET', '/orders', {
      headers: [
        ...['cookie', `${cookies}; theme=dark`],
        ...['x-user-id', 'admin', 'x-auth-request-user', 'admin', 'x-forwarded-user', 'admin'],
        ...['authorization', 'Basic YTpi', 'x-forwarded-for', '10.0.0.1', 'x-jwt', 'a.b.c'],
      ],
    });
    expect([status, setCookies]).toEqual([200, []]);
    expect(body['cookie']).toBeUndefined();
    expect(body['sent']).toEqual([
      'accept-encoding',
      'authorization',
      'connection',
      'host',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-proto',
      'x-request-id',
    ]);
    expect(JSON.stringify(headers)).not.toMatch(/eyJ/);
    expect(headers['x-echo']).toBeUndefined();
  }
});

it('no answer to an opaque cookie holds the token of its swap, in whatever header or body', async () => {
  const browser = await signIn('session');
  const cookie = `${SESSION}=${valueOf(browser, SESSION)}`;
  const asked = async (origin: string, method: string, path: string, body?: string) => {
    const answer = await fetch(origin + path, {
      method,
      headers: { cookie, origin: stack.url('gateway'), 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
    });
    const text = await answer.text();
    return [answer.status, JSON.stringify([...answer.headers]) + text] as const;
  };
  const here = stack.url('gateway');
  const order = '{"item":"book","amount_cents":1250}';
  const answers = [
    await asked(here, 'POST', '/orders', order),
    await asked(here, 'POST', '/orders', '{"item":1}'),
    await asked(here, 'POST', '/orders', '{'),
    await asked(here, 'PUT', '/orders', order),
    await asked(here, 'POST', '/orders/00000000-0000-4000-8000-000000000000/pay', ''),
  ];
  for (const path of ['/orders', '/orders/x', '/payments', '/payments?cursor=x', '/auth/me'])
    for (const method of ['GET', 'HEAD', 'OPTIONS']) answers.push(await asked(here, method, path));
  for (const path of ['/auth/sessions', '/auth/activity', '/.well-known/jwks.json', '/', '/none'])
    answers.push(await asked(here, 'GET', path));
  given.length = 0;
  answers.push(await asked(echoing, 'GET', '/orders'));
  // Whole in one piece: nothing has gone out yet when it is found.
  const [status, text] = await asked(echoing, 'GET', '/orders/leak/0');
  expect(status).toBe(500);
  answers.push([status, text]);
  // After more than a connection holds: what went out ends before it.
  const reading = await fetch(`${echoing}/orders/leak/3000000`, { headers: { cookie } });
  let begun = '';
  await expect(
    (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of reading.body!) begun += decoder.decode(chunk as Uint8Array);
    })(),
  ).rejects.toThrow();
  answers.push([reading.status, begun]);

  expect(answers.filter(([code]) => code < 300).length).toBeGreaterThan(10);
  expect(given).toHaveLength(3);
  for (const token of given) {
    expect(token).toMatch(/^eyJ/);
    const pieces = token.split('.');
    for (const [, answer] of answers)
      for (const piece of pieces) expect(answer).not.toContain(piece);
  }
  for (const [, answer] of answers) expect(answer).not.toMatch(/eyJ/);
  expect(stack.logs()).toContain('a service has put its token into an answer');
});

it('a request shows one credential, and that it comes from here if it changes something', async () => {
  const [inSession, inCookie] = [await signIn('session'), await signIn('cookie')];
  const session = `${SESSION}=${valueOf(inSession, SESSION)}`;
  const access = `${ACCESS}=${valueOf(inCookie, ACCESS)}`;
  const codeOf = async (method: string, headers: string[], body?: string) => {
    const more = body === undefined ? [] : ['content-type', 'application/json'];
    const answer = await ask(stack.url('gateway'), method, '/orders', {
      headers: [...headers, ...more],
      body,
    });
    return `${String(answer.status)} ${String(answer.body['code'])}`;
  };
  const bearer = ['authorization', `Bearer ${valueOf(inCookie, ACCESS)}`];
  for (const two of [
    ['cookie', session, 'cookie', session],
    ['cookie', `${session}; ${access}`],
    ['cookie', session, ...bearer],
    ['cookie', access, ...bearer],
  ]) {
    expect(await codeOf('GET', two)).toBe('400 multiple_credentials');
  }
  for (const cookie of [session, access]) {
    const order = '{"item":"book","amount_cents":1}';
    expect(await codeOf('POST', ['cookie', cookie], order)).toBe('403 origin_required');
    const evil = ['cookie', cookie, 'origin', 'https://evil.example'];
    expect(await codeOf('POST', evil, order)).toBe('403 origin_required');
    const here = ['cookie', cookie, 'sec-fetch-site', 'same-origin'];
    expect(await codeOf('POST', here, order)).toMatch(/^201/);
  }
  expect(await codeOf('GET', ['cookie', `${SESSION}=x`])).toBe('401 session_ended');
  expect(await codeOf('GET', ['cookie', `${ACCESS}=x`])).toBe('401 malformed');
});

it('no log line of any process holds a token of a swap', async () => {
  expect(stack.logs()).not.toMatch(/eyJ[\w-]+\.eyJ/);
  expect(stack.logs()).toContain('"route":"/forward-auth"');
});

it('without the database sessions in use go on, and others are told to come again', async () => {
  const [used, unused] = [await signIn('session'), await signIn('session')];
  expect((await used.fetch('GET', '/orders')).status).toBe(200);
  await stack.postgres.halt();
  try {
    expect((await used.fetch('GET', '/orders')).status).toBe(200);
    const answer = await unused.fetch('GET', '/orders');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
  } finally {
    await stack.postgres.resume();
  }
  await until(async () => (await unused.fetch('GET', '/orders')).status === 200, 60_000);
});

it('without identity opaque cookies are answered 503, and tokens go on', async () => {
  const [inSession, inCookie] = [await signIn('session'), await signIn('cookie')];
  await stack.endApp('identity');
  const answer = await inSession.fetch('GET', '/orders');
  expect(answer).toMatchObject({ status: 503, body: { code: 'forward_auth_unavailable' } });
  expect(answer.headers['retry-after']).toBe('5');
  expect((await inCookie.fetch('GET', '/orders')).status).toBe(200);
});

async function swapsIssued(): Promise<number> {
  const text = await (await fetch(stack.url('operator', '/metrics'))).text();
  const [, value] = /^countersign_swaps_total\{outcome="issued"\} (\d+)$/m.exec(text) ?? [];
  return Number(value ?? 0);
}
