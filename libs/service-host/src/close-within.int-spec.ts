import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { closeWithin } from './close-within.js';

const REQUEST = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n';

let server: Server;

async function serve(listener: RequestListener): Promise<number> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
/** The connection stands, and the request has come, before the server's process has looked. */
function send(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.write(REQUEST);
  return socket;
}
const framework = () => Promise.resolve();

it('answers who has come before it looked, closes their connections, and then listens no more', async () => {
  const port = await serve((_request, response) => response.end('served'));
  const kept = send(port);
  await once(kept, 'data');
  const late = Array.from({ length: 20 }, () => send(port));
  kept.write(REQUEST);
  const closed = closeWithin(server, framework, 10_000);
  for (const answer of await Promise.all([kept, ...late].map((socket) => text(socket)))) {
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n[^]*served/i);
  }
  await closed;
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
});

it('waits for what is under way before the framework closes', async () => {
  const order: string[] = [];
  const port = await serve((_request, response) => {
    order.push('asked');
    setTimeout(() => {
      order.push('answered');
      response.end('served');
    }, 200);
  });
  const socket = send(port);
  const answer = text(socket);
  await closeWithin(server, () => Promise.resolve(order.push('framework')), 10_000);
  expect(await answer).toContain('served');
  expect(order).toEqual(['asked', 'answered', 'framework']);
});

it('cuts what takes too long', async () => {
  const port = await serve(() => undefined);
  const socket = send(port);
  const ended = once(socket, 'close');
  await closeWithin(server, framework, 100);
  await ended;
});
