import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { closeWithin, rememberConnections } from './close-within.js';

const REQUEST = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n';

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
async function serve(listener: RequestListener) {
  const server = createServer(listener);
  return { server, port: await listen(server) };
}
function open(port: number): Socket {
  // Who is cut may be reset.
  return connect(port, '127.0.0.1').on('error', () => undefined);
}
/** The connection stands, and the request has come, before the server's process has looked. */
function send(port: number): Socket {
  const socket = open(port);
  socket.write(REQUEST);
  return socket;
}
const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));
const framework = () => Promise.resolve();

it('answers who has come before it looked, closes their connections, and then listens no more', async () => {
  const { server, port } = await serve((_request, response) => response.end('served'));
  const kept = send(port);
  await once(kept, 'data');
  const late = Array.from({ length: 20 }, () => send(port));
  kept.write(REQUEST);
  const closing = closeWithin(server, framework, 60_000);
  for (const answer of await Promise.all([kept, ...late].map((socket) => text(socket)))) {
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n[^]*served/i);
  }
  await closing;
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
});

it('waits for what is under way before the framework closes', async () => {
  const order: string[] = [];
  const { server, port } = await serve((_request, response) => {
    order.push('asked');
    setTimeout(() => {
      order.push('answered');
      response.end('served');
    }, 200);
  });
  const answer = text(send(port));
  await closeWithin(server, () => Promise.resolve(order.push('framework')), 60_000);
  expect(await answer).toContain('served');
  expect(order).toEqual(['asked', 'answered', 'framework']);
});

it('cuts what takes too long', async () => {
  const { server, port } = await serve(() => undefined);
  const socket = send(port);
  await once(server, 'request');
  const cut = closed(socket);
  await closeWithin(server, framework, 100);
  await cut;
});

it('cuts who comes while a busy process still looks', async () => {
  const { server, port } = await serve(() => undefined);
  let busy = true;
  const keepBusy = () => {
    const until = performance.now() + 3;
    while (performance.now() < until);
    if (busy) setImmediate(keepBusy);
  };
  keepBusy();
  const closing = closeWithin(server, framework, 400);
  const silent = open(port);
  const asking = send(port);
  await Promise.all([closed(silent), closed(asking), closing]);
  busy = false;
});

it('cuts who never began the handshake of TLS', async () => {
  const server = createTlsServer();
  const port = await listen(server);
  rememberConnections(server);
  const silent = open(port);
  await once(server, 'connection');
  const cut = closed(silent);
  await closeWithin(server, framework, 100);
  await cut;
});
