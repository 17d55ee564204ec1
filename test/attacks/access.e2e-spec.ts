import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { Browser } from '../../apps/identity/test/browser.js';
import { bearer, expectStatus, post, Stack } from '../stack.js';
import { askRoute, nameOf, routesOfIdentity } from './api.js';
import type { Route } from './api.js';

jest.setTimeout(240_000);

/** What needs no credential at all, or has it in its body. */
const OPEN: readonly string[] = [
  'operator GET /health/live',
  'operator GET /health/ready',
  'operator GET /metrics',
  'operator GET /operator/docs',
  'operator GET /operator/openapi.json',
  'public GET /.well-known/jwks.json',
  'public GET /.well-known/oauth-authorization-server',
  'public GET /auth/docs',
  'public GET /auth/openapi.json',
  'public POST /auth/email/restore',
  'public POST /auth/email/verify',
  'public POST /auth/login',
  'public POST /auth/password-reset',
  'public POST /auth/password-reset/confirm',
  'public POST /auth/refresh',
  'public POST /auth/register',
  'service GET /.well-known/jwks.json',
  'service GET /.well-known/oauth-authorization-server',
  'service GET /docs',
  'service GET /openapi.json',
  // Where gateways ask, which are known by their addresses.
  'service GET /auth-request',
  'service GET /forward-auth',
  ...['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'].map(
    (method) => `service ${method} /ext-authz/{target}`,
  ),
].sort();

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
type Headers = Readonly<Record<string, string>>;

let stack: Stack;
let routes: Route[];
let ann: string;
let bob: string;
/** Every kind of credential that there is, good where it belongs. */
let credentials: Readonly<
  Record<
    'user' | 'cookie' | 'session' | 'operator' | 'service' | 'client' | 'service token',
    Headers
  >
>;
beforeAll(async () => {
  stack = await Stack.start();
  const account = await stack.addAccount('ann@example.test');
  [ann, bob] = [
    await stack.signIn(account),
    await stack.signIn(await stack.addAccount('bob@example.test')),
  ];
  const operator = bearer(await stack.addOperator('olga', ['read', 'end-sessions', 'keys']));
  const grants = { audiences: ['orders', 'payments'], scopes: ['orders:read', 'orders:write'] };
  const made = await expectStatus(
    201,
    post(
      stack.url('operator', '/operator/clients'),
      { id: 'billing', kind: 'confidential', ...grants },
      operator,
    ),
  );
  const { client_secret: secret } = (await made.json()) as { client_secret: string };
  stack.know(secret);
  const client = basic('billing', secret);
  const granted = await expectStatus(
    200,
    fetch(stack.url('gateway', '/oauth/token'), {
      method: 'POST',
      headers: client,
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    }),
  );
  const { access_token: token } = (await granted.json()) as { access_token: string };
  const cookieOf = async (delivery: string) => {
    const browser = new Browser(stack.url('gateway'), stack.url('gateway'));
    expect((await browser.fetch('POST', '/auth/login', { ...account, delivery })).status).toBe(200);
    return { cookie: browser.cookieHeader('/auth/refresh'), origin: stack.url('gateway') };
  };
  credentials = {
    user: bearer(ann),
    cookie: await cookieOf('cookie'),
    session: await cookieOf('session'),
    operator,
    service: basic('orders', stack.clientSecrets['orders']!),
    client,
    'service token': bearer(token),
  };
  routes = await routesOfIdentity(stack);
});
afterAll(() => stack.stop());

const json = async (answer: Promise<Response>) =>
  (await (await expectStatus(200, answer)).json()) as Record<string, unknown>;
const get = (at: string, path: string, headers: Headers) => fetch(stack.url(at, path), { headers });

describe('what belongs to somebody else (API1: object-level authorization)', () => {
  /** Routes with an id of the services that describe themselves in no document, as their sources have them. */
  const SOURCES = { orders: 'orders/orders.controller', payments: 'payments/payments.controller' };
  const KNOWN = ['GET /orders/:id', 'POST /orders/:id/pay'];

  it('every route of orders and payments that takes an id is in this test', () => {
    const found = Object.entries(SOURCES).flatMap(([app, file]) => {
      const text = readFileSync(
        new URL(`../../apps/${app}/src/${file}.ts`, import.meta.url),
        'utf8',
      );
      return [...text.matchAll(/@(Get|Post|Put|Patch|Delete)\('([^']*:[^']*)'\)/g)].map(
        ([, method = '', path = '']) => `${method.toUpperCase()} /${app}/${path}`,
      );
    });
    expect(found.sort()).toEqual(KNOWN);
  });

  it('does not exist, whichever id of theirs is named on whichever route', async () => {
    const place = { item: 'book', amount_cents: 1250 };
    const order = (await (
      await expectStatus(201, post(stack.url('gateway', '/orders'), place, bearer(ann)))
    ).json()) as { id: string };
    const me = await json(get('public', '/auth/me', bearer(ann)));
    const sessions = (await json(get('public', '/auth/sessions', bearer(ann)))) as {
      items: { sid: string }[];
    };
    const claims = JSON.parse(Buffer.from(ann.split('.')[1]!, 'base64url').toString()) as Record<
      string,
      string
    >;
    const ids = [
      order.id,
      String(me['sub']),
      claims['jti']!,
      claims['client_id']!,
      'ann@example.test',
      ...sessions.items.map(({ sid }) => sid),
    ];
    expect(ids.length).toBeGreaterThan(6);
    const withIds = routes.filter(
      ({ listener, path }) => listener === 'public' && path.includes('{'),
    );
    expect(withIds.map(nameOf)).toContain('public DELETE /auth/sessions/{sid}');
    for (const id of ids) {
      for (const route of withIds) {
        const answer = await askRoute(stack, route, bearer(bob), { id });
        expect([nameOf(route), id, answer.status]).toEqual([nameOf(route), id, 404]);
      }
      for (const [method = '', path = ''] of KNOWN.map((route) => route.split(' '))) {
        for (const at of ['gateway', 'orders']) {
          const answer = await fetch(stack.url(at, path.replace(':id', encodeURIComponent(id))), {
            method,
            headers: bearer(bob),
          });
          expect([at, path, id, answer.status]).toEqual([at, path, id, 404]);
        }
      }
    }
    // All is as it was, and as hers.
    expect(await json(get('public', '/auth/sessions', bearer(ann)))).toEqual(sessions);
    expect(await json(get('orders', `/orders/${order.id}`, bearer(ann)))).toMatchObject({
      status: 'placed',
    });
  });

  it('is not paid by who pays it, nor seen by a cursor of its owner', async () => {
    const place = async () => {
      const answer = await expectStatus(
        201,
        post(stack.url('gateway', '/orders'), { item: 'book', amount_cents: 100 }, bearer(ann)),
      );
      return ((await answer.json()) as { id: string }).id;
    };
    const [id] = [await place(), await place(), await place()];
    const payment = { order_id: id, amount_cents: 100 };
    await expectStatus(201, post(stack.url('gateway', '/payments'), payment, bearer(bob)));
    expect(await json(get('gateway', `/orders/${id}`, bearer(ann)))).toMatchObject({
      status: 'placed',
    });
    await expectStatus(
      200,
      fetch(stack.url('gateway', `/orders/${id}/pay`), { method: 'POST', headers: bearer(ann) }),
    );
    for (const [at, path] of [
      ['orders', '/orders'],
      ['payments', '/payments'],
      ['public', '/auth/sessions'],
    ] as const) {
      const own = JSON.stringify((await json(get(at, path, bearer(ann))))['items']);
      const { next_cursor: cursor } = (await json(get(at, `${path}?limit=1`, bearer(ann)))) as {
        next_cursor: string | null;
      };
      const seen = await get(
        at,
        `${path}?cursor=${encodeURIComponent(cursor ?? 'x')}`,
        bearer(bob),
      );
      expect([200, 400]).toContain(seen.status);
      const { items = [] } = (await seen.json()) as { items?: Record<string, string>[] };
      for (const item of items) expect(own).not.toContain(item['id'] ?? item['sid']);
    }
  });
});

describe('what nobody asked for (API3: mass assignment)', () => {
  const EXTRA = {
    roles: ['support'],
    role: 'support',
    is_admin: true,
    sub: 'f5d2c1b0-0000-4000-8000-000000000000',
    account_id: 'x',
    owner: 'x',
    payer: 'x',
    verified: true,
    email_verified: true,
    status: 'paid',
    created_at: 0,
    disabled_at: null,
    scopes_of: ['*'],
  };

  it('is refused by name, in every body that identity takes', async () => {
    const taken: string[] = [];
    const gateway = basic('gateway', stack.clientSecrets['gateway']!);
    for (const route of routes) {
      const schema = route.operation.requestBody?.content['application/json']?.schema;
      if (!schema) continue;
      taken.push(nameOf(route));
      const own = Object.keys((schema as { properties?: object }).properties ?? {});
      const extra = Object.fromEntries(
        Object.entries(EXTRA).filter(([name]) => !own.includes(name)),
      );
      const { user, service, operator } = credentials;
      // Only gateways may ask there, and who else asks is told so before the body is read.
      const asking = route.path === '/forward-auth' ? gateway : service;
      const headers = { public: user, service: asking, operator }[route.listener];
      const answer = await askRoute(stack, route, headers, { body: extra });
      const { code, errors } = (await answer.json()) as {
        code: string;
        errors?: { pointer: string }[];
      };
      expect([nameOf(route), answer.status, code]).toEqual([nameOf(route), 400, 'invalid_input']);
      const named = errors!.map(({ pointer }) => pointer);
      expect([nameOf(route), named]).toEqual([
        nameOf(route),
        expect.arrayContaining(Object.keys(extra).map((name) => `/${name}`)),
      ]);
    }
    expect(taken.length).toBeGreaterThan(25);
  });

  it.each([
    ['orders', '/orders', { item: 'book', amount_cents: 100 }],
    [
      'payments',
      '/payments',
      { order_id: '8a9d3f4e-0000-4000-8000-000000000000', amount_cents: 100 },
    ],
  ])('is refused by name by %s too', async (at, path, good) => {
    for (const [name, value] of Object.entries({ ...EXTRA, id: 'x' })) {
      const answer = await post(stack.url(at, path), { ...good, [name]: value }, bearer(ann));
      expect([name, answer.status]).toEqual([name, 400]);
      expect(await answer.json()).toMatchObject({
        code: 'invalid_input',
        errors: [{ pointer: `/${name}` }],
      });
    }
  });

  it.each([
    '{"__proto__":{"roles":["support"]}}',
    '{"constructor":{"prototype":{"roles":["support"]}}}',
  ])('is no way to what everything has in common: %s', async (body) => {
    for (const [at, path] of [
      ['public', '/auth/login'],
      ['gateway', '/auth/register'],
      ['orders', '/orders'],
      ['payments', '/payments'],
      ['operator', '/operator/clients'],
    ] as const) {
      const who = at === 'operator' ? credentials.operator : bearer(ann);
      const headers = { 'content-type': 'application/json', ...who };
      const answer = await fetch(stack.url(at, path), { method: 'POST', headers, body });
      expect([at, answer.status]).toEqual([at, 400]);
    }
    expect(await json(get('public', '/auth/me', bearer(ann)))).toMatchObject({
      roles: ['customer'],
    });
  });
});

describe('what others may do (API5: function-level authorization)', () => {
  /** What opens a route, by the scheme that its document names. */
  const OPENS: Readonly<Record<string, readonly (keyof typeof credentials)[]>> = {
    access_token: ['user'],
    access_cookie: ['cookie'],
    session_cookie: ['session'],
    operator: ['operator'],
    service: ['service'],
    client: ['client'],
  };

  it('is open to everybody on these routes, and no other', () => {
    const open = routes.filter(({ operation }) => operation.security.length === 0).map(nameOf);
    expect(open.sort()).toEqual(OPEN);
  });

  it('is refused to everybody else, on every route: people, services, clients and operators', async () => {
    const passed: unknown[] = [];
    let asked = 0;
    for (const route of routes) {
      const schemes = route.operation.security.flatMap(Object.keys);
      if (schemes.length === 0) continue;
      const opening = schemes.flatMap((scheme) => {
        const some = OPENS[scheme];
        if (!some) throw new Error(`${nameOf(route)}: nobody knows what ${scheme} is`);
        return some;
      });
      const wrong = Object.entries(credentials).filter(
        ([name]) => !opening.includes(name as keyof typeof credentials),
      );
      for (const [name, headers] of [['nothing', {}] as const, ...wrong]) {
        const answer = await askRoute(stack, route, headers);
        asked += 1;
        if (![401, 403].includes(answer.status)) passed.push([nameOf(route), name, answer.status]);
        await answer.text();
      }
    }
    expect(passed).toEqual([]);
    expect(asked).toBeGreaterThan(250);
  });

  it('is not even there for who comes through the gateway, or to the wrong listener', async () => {
    const isPublic = new Set(
      routes.filter(({ listener }) => listener === 'public').map(({ path }) => path),
    );
    const inner = routes.filter(
      ({ listener, path }) => listener !== 'public' && !isPublic.has(path),
    );
    expect(inner.length).toBeGreaterThan(25);
    for (const { method, path } of inner) {
      for (const at of ['gateway', 'public']) {
        for (const headers of [credentials.user, credentials.operator, credentials.service]) {
          const answer = await fetch(stack.url(at, path.replace(/\{\w+\}/g, 'x')), {
            method,
            headers,
          });
          expect([at, method, path, answer.status]).toEqual([at, method, path, 404]);
        }
      }
    }
  });

  it('and a service acts in nobody’s name: with a token of its own it has no orders but its own', async () => {
    const own = credentials['service token'];
    expect(await json(get('gateway', '/orders', own))).toMatchObject({ items: [] });
    await expectStatus(403, get('gateway', '/payments', own));
    const sessions = await json(get('public', '/auth/sessions', bearer(ann)));
    expect((sessions['items'] as unknown[]).length).toBeGreaterThan(2);
  });
});
