import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { postJsonTo } from './post-json.js';

let server: Server;
let answer: RequestListener;
let ask: ReturnType<typeof postJsonTo>;

beforeEach(async () => {
  server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ask = asking();
});
afterEach(async () => {
  await ask.close();
  server.close();
  server.closeAllConnections();
});

const asking = (options: { timeoutMs?: number; maxConnections?: number } = {}) =>
  postJsonTo({
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/forward-auth`,
    authorization: 'Basic YTpi',
    timeoutMs: 5_000,
    maxConnections: 8,
    ...options,
  });

it('posts what it is given, and reads what is answered, whatever the status', async () => {
  answer = (request, response) =>
    void text(request).then((body) =>
      response
        .writeHead(401, { 'www-authenticate': 'Bearer' })
        .end(JSON.stringify([request.method, request.url, request.headers, body])),
    );
  const { status, headers, body } = await ask('{"a":"ü"}');
  expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer']);
  expect(body).toEqual([
    'POST',
    '/forward-auth',
    expect.objectContaining({
      authorization: 'Basic YTpi',
      'content-type': 'application/json',
      'content-length': '10',
    }),
    '{"a":"ü"}',
  ]);
});

it('what is not JSON has no body', async () => {
  answer = (_, response) => response.end('<html>');
  await expect(ask('{}')).resolves.toMatchObject({ status: 200, body: undefined });
});

it('when every connection that was kept is closed, each question is asked again on a new one', async () => {
  const asked = new WeakMap<object, number>();
  answer = ({ socket }, response) => {
    const times = (asked.get(socket) ?? 0) + 1;
    asked.set(socket, times);
    if (times === 1) setTimeout(() => response.end('{}'), 50);
    else socket.destroy();
  };
  const askEight = () => Promise.all(Array.from({ length: 8 }, () => ask('{}')));
  await askEight();
  expect((await askEight()).map(({ status }) => status)).toEqual(Array(8).fill(200));
});

it('is not answered in time, whether on a connection or waiting for one', async () => {
  const asked: string[] = [];
  answer = (request) =>
    void text(request).then((body) => {
      asked.push(body);
      // Both are overdue in the same moment, however far apart they were asked.
      for (const end = performance.now() + 300; performance.now() < end;);
    });
  ask = asking({ timeoutMs: 200, maxConnections: 1 });
  const outcomes = await Promise.allSettled([ask('1'), ask('2')]);
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({ reason: new Error('no answer in time') });
  answer = (request, response) =>
    void text(request).then((body) => {
      asked.push(body);
      response.end('{}');
    });
  await expect(ask('3')).resolves.toMatchObject({ status: 200 });
  // For the other nobody waits any more.
  expect(asked).toEqual(['1', '3']);
});

it('an answer without end is not read to its end', async () => {
  answer = (_, response) => response.end('x'.repeat(65 * 1024));
  await expect(ask('{}')).rejects.toThrow('the answer is too long');
});

it('says so when nobody listens', async () => {
  server.close();
  await once(server, 'close');
  await expect(ask('{}')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
