import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { bearer, expectStatus, post, run, Stack, until } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders']);
});
afterAll(() => stack.stop());

const orders = (token: string) => fetch(stack.url('orders', '/orders'), { headers: bearer(token) });

it('a service whose issuer is away starts, says it is not ready, and becomes ready by itself', async () => {
  await stack.endApp('identity');
  stack.launch('payments');
  const ready = () => fetch(stack.url('paymentsManagement', '/health/ready'));
  await until(async () => (await ready()).status === 503, 30_000);
  expect(((await (await ready()).json()) as { missing: string[] }).missing.join()).toMatch(
    /keys.*revocations/,
  );
  await expectStatus(200, fetch(stack.url('paymentsManagement', '/health/live')));
  await stack.startApp('identity');
  await until(async () => (await ready()).ok, 60_000);
});

it('identity may crash: services go on, and hear afterwards what they missed', async () => {
  const account = await stack.addAccount('ann@example.test');
  const [token, ended] = [await stack.signIn(account), await stack.signIn(account)];
  await expectStatus(200, orders(token));
  await expectStatus(
    202,
    fetch(stack.url('public', '/auth/logout'), { method: 'POST', headers: bearer(ended) }),
  );
  await stack.endApp('identity', 'SIGKILL');
  await expectStatus(200, orders(token));
  await stack.startApp('identity');
  await expectStatus(200, orders(token));
  await until(async () => (await orders(ended)).status === 401, 30_000);
  await expectStatus(200, fetch(stack.url('public', '/auth/me'), { headers: bearer(token) }));
});

it('without Postgres nobody signs in, keys are still served, services go on; then all is as before', async () => {
  const account = await stack.addAccount('bob@example.test');
  const token = await stack.signIn(account);
  const log = () => stack.running('identity').output();
  const before = log().length;
  await stack.postgres.halt();
  const refused = await expectStatus(503, post(stack.url('public', '/auth/login'), account));
  expect(refused.headers.get('retry-after')).toBeTruthy();
  await expectStatus(
    503,
    fetch(stack.url('public', '/auth/logout'), { method: 'POST', headers: bearer(token) }),
  );
  await expectStatus(200, fetch(stack.url('public', '/.well-known/jwks.json')));
  await expectStatus(200, orders(token));
  await expectStatus(200, fetch(stack.url('operator', '/health/live')));
  // A replica that cannot help is not taken out: all of them would be.
  await expectStatus(200, fetch(stack.url('operator', '/health/ready')));
  await expectStatus(200, fetch(stack.url('ordersManagement', '/health/ready')));
  const told = () => log().slice(before);
  // Seconds of it: what fails every second is told once.
  await until(() => told().includes('no heartbeat goes out'), 20_000);
  await delay(3_000);
  await stack.postgres.resume();
  await until(async () => (await post(stack.url('public', '/auth/login'), account)).ok, 30_000);
  await expectStatus(
    202,
    fetch(stack.url('public', '/auth/logout'), { method: 'POST', headers: bearer(token) }),
  );
  await until(async () => (await orders(token)).status === 401, 20_000);

  await until(() => told().includes('the revocation log is read again'), 20_000);
  const lines = told()
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
  const saying = (msg: string) => lines.filter((line) => line['msg'] === msg);
  // Which of them comes first is up to the moment at which the server went away.
  const reason = expect.stringMatching(
    /ECONN|EPIPE|terminat|shutting down|starting up|administrator|timeout/,
  ) as unknown;
  expect(saying('the revocation log could not be read: no heartbeat goes out')).toEqual([
    expect.objectContaining({ level: 'warn', reason, time: expect.stringMatching(/^\d{4}-.+Z$/) }),
  ]);
  expect(saying('the revocation log is read again')).toEqual([
    expect.objectContaining({ level: 'info', seconds: expect.any(Number) }),
  ]);
  const code = 'database_unavailable';
  expect(saying('request turned away')).toContainEqual(expect.objectContaining({ code, reason }));
  expect(saying('answered')).toContainEqual(
    expect.objectContaining({ route: '/auth/login', status: 503, code }),
  );
  expect(saying('answered').filter(({ status }) => status === 200)).not.toContainEqual(
    expect.objectContaining({ code: expect.anything() }),
  );
});

it('a stop finishes what is under way, ends streams, and exits with 0 within five seconds', async () => {
  const credentials = Buffer.from(`orders:${stack.clientSecrets['orders']!}`).toString('base64');
  const feed = await expectStatus(
    200,
    fetch(stack.url('service', '/revocations/feed'), {
      headers: { authorization: `Basic ${credentials}` },
    }),
  );
  const stream = feed.text();
  const account = await stack.addAccount('carol@example.test');
  const login = request(stack.url('public', '/auth/login'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', expect: '100-continue' },
  });
  login.flushHeaders();
  // It is under way: identity has its headers.
  await once(login, 'continue');
  const answered = once(login.end(JSON.stringify(account)), 'response');
  const { code, ms } = await stack.endApp('identity');
  expect(code).toBe(0);
  expect(ms).toBeLessThan(5_000);
  const [answer] = (await answered) as [IncomingMessage];
  expect(answer.statusCode).toBe(200);
  answer.resume();
  expect(await stream).toMatch(/event: end[\s\S]*event: goodbye/);
  for (const app of ['orders', 'payments'] as const) {
    const stopped = await stack.endApp(app, 'SIGINT');
    expect(stopped.code).toBe(0);
    expect(stopped.ms).toBeLessThan(5_000);
  }
});

it('a stop that comes during the start is a clean one too', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const env = {
    ...stack.env('identity'),
    DATABASE_URL: `postgres://x:y@127.0.0.1:${String(port)}/z`,
  };
  const running = run(join('apps', 'identity', 'dist', 'main.js'), env);
  await once(silent, 'connection');
  const { code, ms } = await running.end('SIGTERM');
  silent.close();
  expect(code).toBe(0);
  expect(ms).toBeLessThan(6_000);
});

it('a bad configuration stops every start, with all faults at once', async () => {
  for (const app of await readdir('apps')) {
    const { code, output } = await failedStart(app, { ISSUER_URL: 'nowhere', LOG_LEVEL: 'loud' });
    expect(code).toBe(1);
    expect(output).toMatch(/ISSUER_URL[\s\S]*LOG_LEVEL|LOG_LEVEL[\s\S]*ISSUER_URL/);
    expect(output).not.toMatch(/\bat .*\.js:\d+/);
  }
  const env = stack.env('identity');
  const files = await failedStart('identity', {
    ...env,
    MASTER_KEY_FILE: '/nowhere/keys',
    RELYING_SERVICES_FILE: '/nowhere/services',
  });
  expect(files.output).toMatch(/\/nowhere\/keys[\s\S]*\/nowhere\/services/);
  const empty = await failedStart('identity', {
    ...env,
    DATABASE_URL: await stack.postgres.createDatabase(),
  });
  expect(empty.output).toContain('countersign migrate');
  const nobody = await failedStart('identity', {
    ...env,
    DATABASE_URL: 'postgres://x:y@127.0.0.1:1/z',
  });
  expect(nobody.output).toContain('no connection to the database');
});

async function failedStart(app: string, env: Record<string, string>) {
  const running = run(join('apps', app, 'dist', 'main.js'), env);
  const { code } = await running.end();
  return { code, output: running.output() };
}
