import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { bearer, expectStatus, post, Stack, until } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.stop());

const codeOf = async (answer: Response) => ((await answer.json()) as { code?: string }).code;
const get = (at: string, path: string, token: string) =>
  fetch(stack.url(at, path), { headers: bearer(token) });

/** What a process wrote of its answers. */
const linesOf = (name: string) =>
  stack
    .running(name)
    .output()
    .split('\n')
    .filter((line) => line.includes('"msg":"answered"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

it('from an address to a paid order, through the gateway', async () => {
  const ann = await stack.addAccount('ann@example.test');
  const token = await stack.signIn(ann);
  const me = (await (await expectStatus(200, get('gateway', '/auth/me', token))).json()) as {
    email: string;
    sub: string;
  };
  expect(me.email).toBe(ann.email);
  const placed = await expectStatus(
    201,
    post(stack.url('gateway', '/orders'), { item: 'book', amount_cents: 1250 }, bearer(token)),
  );
  const { id } = (await placed.json()) as { id: string };
  const paid = await expectStatus(
    200,
    fetch(stack.url('gateway', `/orders/${id}/pay`), { method: 'POST', headers: bearer(token) }),
  );
  expect(await paid.json()).toMatchObject({ id, status: 'paid', amount_cents: 1250 });
  const payments = (await (await expectStatus(200, get('gateway', '/payments', token))).json()) as {
    items: unknown[];
  };
  expect(payments.items).toMatchObject([{ order_id: id, amount_cents: 1250 }]);

  const bob = await stack.signIn(await stack.addAccount('bob@example.test'));
  expect((await get('gateway', `/orders/${id}`, bob)).status).toBe(404);
  expect(await (await get('gateway', '/orders', bob)).json()).toMatchObject({ items: [] });
  expect(await (await get('gateway', '/payments', bob)).json()).toMatchObject({ items: [] });
});

it('who has paid another amount by themselves is told of it: that is no outage', async () => {
  const token = await stack.signIn(await stack.addAccount('hugo@example.test'));
  const order = { item: 'book', amount_cents: 1250 };
  const placed = await expectStatus(
    201,
    post(stack.url('gateway', '/orders'), order, bearer(token)),
  );
  const { id } = (await placed.json()) as { id: string };
  const payment = { order_id: id, amount_cents: 1 };
  await expectStatus(201, post(stack.url('gateway', '/payments'), payment, bearer(token)));
  const pay = stack.url('gateway', `/orders/${id}/pay`);
  const refused = await expectStatus(409, fetch(pay, { method: 'POST', headers: bearer(token) }));
  expect(await codeOf(refused)).toBe('payment_conflict');
});

it('a role gives scopes: support reads, and writes nothing', async () => {
  const token = await stack.signIn(await stack.addAccountAs('support', 'support@example.test'));
  await expectStatus(200, get('gateway', '/orders', token));
  const refused = await expectStatus(
    403,
    post(stack.url('gateway', '/orders'), { item: 'book', amount_cents: 1 }, bearer(token)),
  );
  expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope');
});

it('the log of the gateway has the code of what a service refuses, and of nothing that it grants', async () => {
  const token = await stack.signIn(await stack.addAccountAs('support', 'desk@example.test'));
  await expectStatus(200, get('gateway', '/payments', token));
  await expectStatus(400, post(stack.url('gateway', '/auth/login'), {}));
  await expectStatus(403, post(stack.url('gateway', '/payments'), {}, bearer(token)));
  const answers = () =>
    linesOf('gateway').flatMap(({ route, status, code }) =>
      route === '/payments' || status === 400 ? [{ status, code }] : [],
    );
  await until(() => answers().some(({ status }) => status === 403), 10_000);
  expect(answers()).toContainEqual({ status: 200, code: undefined });
  expect(answers()).toContainEqual({ status: 400, code: 'invalid_input' });
  expect(answers()).toContainEqual({ status: 403, code: 'insufficient_scope' });
  // The line that the page about logs shows.
  const page = readFileSync('docs/operations/logs.md', 'utf8');
  const [, shown = ''] = /^```json\n([^]*?)^```$/m.exec(page) ?? [];
  const line = linesOf('gateway').find(({ status }) => status === 403)!;
  expect(Object.keys(line)).toEqual(Object.keys(JSON.parse(shown) as object));
});

it('the start page asks every part for what it has: no log shows a path that does not exist', async () => {
  await expectStatus(200, fetch(stack.url('gateway', '/')));
  for (const [part, status] of [
    ['identity', 200],
    ['orders', 401],
    ['payments', 401],
  ] as const) {
    const asked = () => linesOf(part).filter(({ method }) => method === 'HEAD');
    await until(() => asked().length > 0, 10_000);
    expect(asked()).toEqual([expect.objectContaining({ route: expect.any(String), status })]);
    expect(asked()[0]).not.toMatchObject({ route: 'none' });
  }
});

it('who has no token, or a tampered one, gets nowhere: at the edge, and past it', async () => {
  const token = await stack.signIn(await stack.addAccount('carol@example.test'));
  const [head, payload, signature] = token.split('.') as [string, string, string];
  const changed = {
    ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object),
    sub: 'somebody-else',
  };
  const tampered = `${head}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}.${signature}`;
  for (const [at, path] of [
    ['gateway', '/orders'],
    ['gateway', '/payments'],
    ['orders', '/orders'],
    ['payments', '/payments'],
    ['gateway', '/auth/me'],
  ] as const) {
    const bare = await expectStatus(401, fetch(stack.url(at, path)));
    expect(bare.headers.get('www-authenticate')).toMatch(/^Bearer realm=/);
    const forged = await expectStatus(401, get(at, path, tampered));
    expect(forged.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(await codeOf(forged)).toBe('bad_signature');
  }
});

it('after a logout the token is dead in every service within a second, each deciding by itself', async () => {
  const account = await stack.addAccount('dave@example.test');
  const slowest: number[] = [];
  // A machine may stand still for a moment, but it does so for less than half of the rounds.
  for (let round = 0; round < 5; round += 1) {
    const took: Record<string, number> = {};
    const token = await stack.signIn(account);
    const other = await stack.signIn(account);
    const doors = [
      ['orders', '/orders'],
      ['payments', '/payments'],
      ['gateway', '/orders'],
      ['gateway', '/auth/me'],
    ] as const;
    for (const [at, path] of doors) await expectStatus(200, get(at, path, token));
    const logout = await expectStatus(
      202,
      fetch(stack.url('gateway', '/auth/logout'), { method: 'POST', headers: bearer(token) }),
    );
    const answered = performance.now();
    expect(await logout.json()).toMatchObject({ revocation: { epoch: 1, status: 'pending' } });
    await Promise.all(
      doors.map(async ([at, path]) => {
        await until(async () => (await get(at, path, token)).status === 401, 20_000);
        took[`${at} ${path}`] = performance.now() - answered;
        expect(await codeOf(await get(at, path, token))).toBe('revoked');
      }),
    );
    // The other session of the same person goes on.
    await expectStatus(200, get('orders', '/orders', other));
    slowest.push(Math.max(...Object.values(took)));
    const shown = Object.entries(took).map(([door, ms]) => `${door} ${ms.toFixed(0)} ms`);
    console.info(`refused after the logout answer: ${shown.join(', ')}`);
  }
  expect(slowest.sort((a, b) => a - b)[2]).toBeLessThan(1_000);
});

it('what only services and operators may reach is not behind the gateway', async () => {
  for (const path of [
    '/revocations',
    '/revocations/feed',
    '/relying-services/check-in',
    '/operator/keys',
    '/metrics',
    '/health/ready',
    '/forward-auth',
  ]) {
    expect((await fetch(stack.url('gateway', path))).status).toBe(404);
    expect((await fetch(stack.url('public', path))).status).toBe(404);
  }
  for (const path of ['/auth/login', '/auth/me'])
    expect((await fetch(stack.url('service', path))).status).toBe(404);
  for (const path of ['/revocations', '/revocations/feed'])
    await expectStatus(401, fetch(stack.url('service', path)));
  const wrong = { authorization: `Basic ${Buffer.from('orders:wrong').toString('base64')}` };
  await expectStatus(401, fetch(stack.url('service', '/revocations'), { headers: wrong }));
});

it('the public metadata names nothing of the service listener; each JWKS is the same', async () => {
  const metadata = (await (
    await fetch(stack.url('gateway', '/.well-known/oauth-authorization-server'))
  ).json()) as Record<string, string>;
  expect(metadata['issuer']).toBe(stack.url('gateway'));
  expect(JSON.stringify(metadata)).not.toContain(String(stack.ports['service']));
  const jwks = await fetch(metadata['jwks_uri']!);
  const etag = jwks.headers.get('etag')!;
  expect(jwks.headers.get('cache-control')).toMatch(/max-age=\d+/);
  expect(await jwks.text()).toBe(
    await (await fetch(stack.url('service', '/.well-known/jwks.json'))).text(),
  );
  expect((await fetch(metadata['jwks_uri']!, { headers: { 'if-none-match': etag } })).status).toBe(
    304,
  );
});

it('answers with tokens and problems are never cached', async () => {
  for (const answer of [
    await post(stack.url('gateway', '/auth/login'), {
      email: 'ann@example.test',
      password: 'wrong',
    }),
    await fetch(stack.url('gateway', '/auth/me')),
    await fetch(stack.url('orders', '/orders')),
  ]) {
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
});

it('measures what it does', async () => {
  const metrics = async (at: string) => (await fetch(stack.url(at, '/metrics'))).text();
  expect(await metrics('operator')).toMatch(
    /countersign_http_request_duration_seconds_count\{method="POST",route="\/auth\/login",status="200"\} [1-9]/,
  );
  for (const at of ['ordersManagement', 'paymentsManagement', 'gatewayManagement', 'operator']) {
    expect(await metrics(at)).toMatch(/countersign_verify_total\{outcome="revoked"\} [1-9]/);
  }
});

it('no log line of any process holds a secret', async () => {
  await delay(200);
  const logs = stack.logs();
  expect(logs.split('\n').length).toBeGreaterThan(50);
  expect(stack.secrets().length).toBeGreaterThan(20);
  const leaked = stack.secrets().filter((secret) => logs.includes(secret));
  expect(leaked).toEqual([]);
  expect(logs).not.toMatch(/eyJ[\w-]{10,}\.eyJ/);
  expect(logs).toMatch(/"reqId":"[0-9a-f-]{36}"/);
});
