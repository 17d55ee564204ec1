import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { RevocationReplica } from '@countersign/revocation';
import { parseFeedFrame } from '@countersign/revocation';
import type { FastifyReply } from 'fastify';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import { FeedConnection } from './feed-connection.js';
import { FeedReaders } from './feed-readers.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';
import { RevocationsController } from './revocations.controller.js';

afterAll(stopReplicas);

it('a long snapshot comes in pages that make one replay, also when more is revoked meanwhile', async () => {
  const identity = await startReplica();
  await identity.database.run((manager) =>
    manager.query(`
      INSERT INTO revocations (epoch, seq, kind, id, expires_at, at)
      SELECT 1, n, 'sid', 's' || n, extract(epoch FROM now())::bigint + 600, extract(epoch FROM now())::bigint
      FROM generate_series(1, 12000) AS n;
      UPDATE revocation_head SET seq = 12000`),
  );
  const log = identity.get(RevocationLog);
  const controller = new RevocationsController(
    log,
    identity.get(RevocationFeed),
    new FeedReaders(),
    { serviceOf: () => 'orders' },
  );
  const known = new RevocationReplica({ softMs: 1, hardMs: 1 });
  let pages = 0;
  let cursor: string | undefined;
  do {
    let body = '';
    const reply = {
      type: () => reply,
      header: () => reply,
      send: (text: string) => void (body = text),
    };
    await controller.snapshot(
      cursor === undefined ? {} : { cursor },
      reply as unknown as FastifyReply,
    );
    pages += 1;
    cursor = undefined;
    for (const line of body.trimEnd().split('\n')) {
      const data = JSON.parse(line) as { type: string; next_cursor?: string };
      if (data.type === 'page') cursor = data.next_cursor;
      const frame = parseFeedFrame(data.type, data);
      if (frame) expect(known.receive(frame, { wallMs: Date.now(), monotonicMs: 0 })).toBe('ok');
    }
    await identity.database.transaction((tx) =>
      log.append(tx, { kind: 'sid', id: `late${String(pages)}` }),
    );
  } while (cursor !== undefined);
  expect(pages).toBe(3);
  expect(known.position).toEqual({ epoch: 1, seq: 12_000 });
  expect(known.state({ wallMs: Date.now(), monotonicMs: 0 }).entries).toBe(12_000);
});

it('a reader that does not read is cut off, not remembered for', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  const connection = new FeedConnection(response);
  connection.open();
  const closed = once(response, 'close');
  const event = {
    epoch: 1,
    seq: 1,
    kind: 'sid',
    id: 'x'.repeat(250),
    expiresAt: 9,
    at: 1,
  } as const;
  let sent = 0;
  for (; sent < 100_000 && !connection.isGone; sent += 1)
    void connection.send({ type: 'revocation', event });
  expect(sent).toBeLessThan(100_000);
  await closed;
  socket.destroy();
  server.close();
});

it('on real sockets, a new connection of an instance ends the old one, and the others go on', async () => {
  const readers = new FeedReaders();
  const server = createServer((request, response) => {
    const connection = new FeedConnection(response);
    const instanceId = request.url;
    response.once('close', readers.admit({ serviceId: 'orders', instanceId }, connection));
    connection.open();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const follow = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
    const state = { over: false };
    void response.text().then(
      () => (state.over = true),
      () => (state.over = true),
    );
    return state;
  };
  const [old, other] = [await follow('/a'), await follow('/b')];
  const anew = await follow('/a');
  while (!old.over) await new Promise((resolve) => setTimeout(resolve, 5));
  expect([other.over, anew.over, readers.countOf('orders')]).toEqual([false, false, 2]);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  while (readers.countOf('orders') > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});
