import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { jest } from '@jest/globals';
import { DocumentedAnswers } from '../apps/identity/test/documented-answers.mjs';
import { expectStatus, freePorts, Stack } from './stack.js';

jest.setTimeout(180_000);

/** Adds a route that no document tells of. */
const ADDED = `
  import { subscribe } from 'node:diagnostics_channel';
  subscribe('fastify.initialization', ({ fastify }) => {
    fastify.get('/auth/added/:to', async () => ({ of: 'no document' }));
  });`;

it('no test passes in which identity answered what it does not document, whoever asked whichever replica', async () => {
  const stack = await Stack.start([]);
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(ADDED)}`;
  await stack.startApp('identity', { env: { NODE_OPTIONS } });
  await stack.startApp('gateway');
  const [open, service, operator, management] = (await freePorts(4)).map(String);
  const ports = {
    PUBLIC_PORT: open!,
    SERVICE_PORT: service!,
    OPERATOR_PORT: operator!,
    MANAGEMENT_PORT: management!,
  };
  await stack.startApp('identity', { name: 'replica', env: { NODE_OPTIONS, ...ports } });
  const answers = [
    await fetch(stack.url('gateway', '/auth/added/gateway')),
    await fetch(`http://localhost:${open!}/auth/added/test`),
  ];
  for (const answer of answers) expect(await answer.json()).toEqual({ of: 'no document' });
  await expect(stack.stop()).rejects.toThrow(
    /^not as documented: GET \/auth\/added\/gateway 200 is not documented\n.*GET \/auth\/added\/test 200/,
  );
});

const problem = (status: number, code: string) =>
  JSON.stringify({ type: 'x', title: 'x', status, code });
const bare = (status: number, type: string, body: string) =>
  `HTTP/1.1 ${String(status)} X\r\ncontent-type: ${type}\r\nconnection: close\r\n\r\n${body}`;

it('answers to what is no HTTP are looked at, too', async () => {
  const stack = await Stack.start(['identity']);
  const document = await expectStatus(200, fetch(stack.url('public', '/auth/openapi.json')));
  const answers = new DocumentedAnswers((await document.json()) as never);
  // As identity does it, without being identity.
  let answer = '';
  const server = createServer().on('clientError', (_error, socket) => socket.end(answer));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const rest = answers.watch(port);
  const junk = async (to: number) => {
    const socket = connect(to, '127.0.0.1');
    socket.write('no HTTP\r\n\r\n');
    return text(socket);
  };
  const json = 'application/problem+json';
  answer = bare(400, json, problem(400, 'bad_request'));
  expect(await junk(port)).toBe(answer);
  expect([...answers.faults]).toEqual([]);
  for (const wrong of [
    bare(400, json, problem(400, 'odd')),
    bare(418, json, problem(418, 'bad_request')),
    bare(408, 'text/html', problem(408, 'request_timeout')),
    'HTTP/1.1 431 Too Large\r\n\r\n',
  ]) {
    answer = wrong;
    expect(await junk(port)).toBe(answer);
  }
  expect([...answers.faults]).toEqual(
    [400, 418, 408, 431].map((status) => `what is no request: ${String(status)} is not documented`),
  );
  rest();
  server.close();
  // Every identity of the tests is looked at like this; it says what it may.
  expect(await junk(stack.ports['public']!)).toContain('"code":"bad_request"');
  await stack.stop();
});
