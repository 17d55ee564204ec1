import { gzipSync } from 'node:zlib';
import { setTimeout as delay } from 'node:timers/promises';
import {
  closeAll,
  first,
  movableClock,
  outcome,
  publish,
  second,
  secondsOf,
  setOf,
  startKeyServer,
  until,
  verifierOf,
} from '../../test/key-server.js';
import type { Answer } from '../../test/key-server.js';

afterEach(closeAll);

it.each<[string, Answer]>([
  ['a page', (_, response) => void response.end('<!doctype html>')],
  ['nothing', (_, response) => void response.end()],
  ['no content', (_, response) => void response.writeHead(204).end()],
  ['an empty set', (_, response) => void response.end('{"keys":[]}')],
  [
    'a set with a secret',
    (_, response) => void response.end(JSON.stringify({ keys: [{ ...second.jwk, d: 'AQAB' }] })),
  ],
  ['a byte order mark', (_, response) => void response.end(`\uFEFF${setOf(second)}`)],
  ['half a set', (_, response) => void response.end(setOf(second).slice(0, 200))],
  ['a redirect to a good set', redirectToGoodSet(302)],
  ['a lasting redirect to a good set', redirectToGoodSet(308)],
  ['304, unasked', (_, response) => void response.writeHead(304).end()],
  ['an error with a good set', (_, response) => void response.writeHead(500).end(setOf(second))],
  ['404', (_, response) => void response.writeHead(404).end()],
  ['206 and a good set', (_, response) => void response.writeHead(206).end(setOf(second))],
  [
    'fewer bytes than announced',
    raw(() => `HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n${setOf(second)}`),
  ],
  [
    'more bytes than announced',
    raw(() => `HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n${setOf(second)}`),
  ],
  [
    'two lengths',
    raw(
      () => `HTTP/1.1 200 OK\r\ncontent-length: 99\r\ncontent-length: 98\r\n\r\n${setOf(second)}`,
    ),
  ],
  [
    'a broken chunk',
    raw(() => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n${setOf(second)}`),
  ],
  ['no HTTP', raw(() => setOf(second))],
  ['a closed connection', (request) => void request.socket.destroy()],
  ['a reset connection', (request) => void request.socket.resetAndDestroy()],
  [
    'zipped rubbish',
    (_, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(setOf(second)),
  ],
  [
    '200 MB in 200 KB',
    (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb()),
  ],
  [
    '300 KB of blanks and a good set',
    (_, response) => void response.end(' '.repeat(300_000) + setOf(second)),
  ],
  ['bytes without end', (_, response) => pour(response, Buffer.alloc(65_536, 32), 0)],
  [
    'headers without end',
    (request) =>
      pour(request.socket, Buffer.from(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(2_000)}`), 0),
  ],
  ['a byte at a time', (_, response) => pour(response, Buffer.from(' '), 50)],
  ['silence', () => undefined],
  ['silence after the headers', (_, response) => response.flushHeaders()],
])(
  '%s in place of a key set never replaces a good set, and costs little',
  async (_name, answer) => {
    const server = await startKeyServer(first);
    const clock = movableClock();
    const verifier = await verifierOf(server, { clock });
    const [good, fresh] = [server.token(first), server.token(second)];
    clock.offset += 1_001;
    server.answer = answer;
    const before = process.memoryUsage().rss;
    const seconds = await secondsOf(async () => {
      expect(await outcome(verifier, fresh)).toBe('keys_unreachable');
    });
    expect(seconds).toBeLessThan(20);
    await until(() => verifier.state().keys.lastError !== undefined);
    // The connection is gone: nothing more is sent.
    const sent = server.bytesSent();
    await delay(100);
    expect(server.bytesSent()).toBeLessThanOrEqual(sent);
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    expect(await outcome(verifier, good)).toBe('accepted');
    expect(await outcome(verifier, server.token(first))).toBe('accepted');

    server.answer = publish(first, second);
    clock.offset += 60_000;
    expect(await outcome(verifier, fresh)).toBe('accepted');
  },
);

function redirectToGoodSet(status: number): Answer {
  return ({ url }, response) => {
    if (url !== '/other') response.writeHead(status, { location: '/other' });
    response.end(setOf(second));
  };
}

/** Says something that is not an answer as Node would give it, and closes. */
function raw(text: () => string): Answer {
  return (request) => void request.socket.end(text());
}

let zeros: Buffer | undefined;
function bomb(): Buffer {
  return (zeros ??= gzipSync(Buffer.alloc(200 * 1024 * 1024)));
}

/** Writes without end, as fast as it is read or with pauses of `ms`. */
function pour(
  to: NodeJS.WritableStream & { destroyed?: boolean },
  chunk: Buffer,
  ms: number,
): void {
  const more = () => {
    if (to.destroyed) return;
    const room = to.write(chunk);
    if (ms > 0) setTimeout(more, ms);
    else if (room) setImmediate(more);
    else to.once('drain', more);
  };
  more();
}
