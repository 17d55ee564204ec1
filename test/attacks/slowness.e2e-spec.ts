import { once } from 'node:events';
import type { Socket } from 'node:net';
import { jest } from '@jest/globals';
import { expectStatus, freePorts, LISTENERS, post, Stack, until } from '../stack.js';
import { answersOn, dribble, exchange, open } from './raw.js';
import type { Exchange } from './raw.js';

jest.setTimeout(240_000);

const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** How late the servers look, and a busy machine sees it. */
const LATE_MS = 5_000;

const ENDLESS = 'GET / HTTP/1.1\r\nhost: x\r\nx: ';

/** Clients that take all the time they get. All of them at once: their time is all that passes. */
const SLOW: Readonly<Record<string, (port: number) => Promise<Exchange>>> = {
  'says nothing': (port) => answersOn(open(port)),
  'sends its headers by the byte': (port) => dribble(open(port), ENDLESS, 250),
  'goes on with its headers whatever it is answered': (port) =>
    dribble(open(port, true), ENDLESS, 250),
  'sends many headers, one at a time, and no end of them': (port) => {
    const socket = open(port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n');
    const timer = setInterval(() => socket.write('x: y\r\n'), 500);
    return answersOn(socket).finally(() => clearInterval(timer));
  },
  'sends its body by the byte': (port) =>
    dribble(
      open(port),
      'POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{',
      500,
    ),
  'sends a chunk by the byte': (port) =>
    dribble(
      open(port),
      'POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n',
      500,
    ),
};

let stack: Stack;
const slow = new Map<string, Promise<Exchange>>();
const crowd: Socket[] = [];
beforeAll(async () => {
  stack = await Stack.start();
  for (const name of LISTENERS) {
    for (const [what, begin] of Object.entries(SLOW))
      slow.set(`${name} ${what}`, begin(stack.ports[name]!));
  }
});
afterAll(async () => {
  for (const socket of crowd) socket.destroy();
  await Promise.all(slow.values());
  await stack.stop();
});

it('hundreds of connections that are kept open keep nobody waiting', async () => {
  for (let n = 0; n < 300; n += 1) {
    const socket = open(stack.ports[n % 2 ? 'gateway' : 'public']!);
    socket.write('POST /auth/login HTTP/1.1\r\nhost: x\r\n');
    crowd.push(socket);
  }
  await until(() => crowd.every(({ connecting }) => !connecting), 30_000);
  const account = await stack.addAccount('ann@example.test');
  const start = performance.now();
  await stack.signIn(account);
  expect(performance.now() - start).toBeLessThan(HEADERS_MS);
});

it('past MAX_CONNECTIONS a connection is closed without an answer, and counted; others of the same listener go on', async () => {
  const [port = 0, management = 0] = await freePorts(2);
  await stack.startApp('payments', {
    name: 'few connections',
    env: { PORT: String(port), MANAGEMENT_PORT: String(management), MAX_CONNECTIONS: '10' },
  });
  const held = Array.from({ length: 10 }, () => open(port));
  await Promise.all(held.map((socket) => once(socket, 'connect')));
  const request = 'GET /payments HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
  expect(await exchange(port, request)).toMatchObject({ text: '', isClosed: true });
  held[0]!.write(request);
  expect(await answersOn(held[0]!)).toMatchObject({ statuses: [401] });
  await until(async () => (await exchange(port, request)).statuses[0] === 401, 20_000);
  const metrics = await (await fetch(`http://127.0.0.1:${String(management)}/metrics`)).text();
  expect(metrics).toMatch(/^countersign_connections_refused_total [1-9]/m);
  for (const socket of held) socket.destroy();
  await stack.endApp('few connections');
});

it.each(LISTENERS)('%s ends a connection that is kept open for nothing', async (name) => {
  const { text } = await exchange(
    stack.ports[name]!,
    'GET / HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n',
  );
  expect(text).toMatch(/^keep-alive: timeout=65\r$/im);
});

const cases = LISTENERS.flatMap((name) => Object.keys(SLOW).map((what) => [name, what] as const));
it.each(cases)('%s waits only so long for a client that %s', async (name, what) => {
  const { text, isClosed, ms } = await slow.get(`${name} ${what}`)!;
  expect(isClosed).toBe(true);
  expect(ms).toBeLessThan((/body|chunk/.test(what) ? REQUEST_MS : HEADERS_MS) + LATE_MS);
  // Whoever is not heard out has achieved nothing.
  expect(text).not.toMatch(/^HTTP\/1\.1 [235]/);
  if (what.includes('headers'))
    expect(text).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
});

it('and nobody is worse off afterwards', async () => {
  await Promise.all(slow.values());
  await expectStatus(
    401,
    post(stack.url('gateway', '/auth/login'), { email: 'ann@example.test', password: 'x' }),
  );
});
