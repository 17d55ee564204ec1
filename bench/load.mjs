// Load over HTTP/1.1: connections that are kept alive and have one request under way each. It does little more than write and
// count, so that a server on another core is busy before it is.
import { connect } from 'node:net';

/** The bytes of `GET /` with a token; none: without credentials. */
export function makeRequest(token) {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
  return Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${authorization}\r\n`, 'latin1');
}

/**
 * Keeps this process from sleeping while it waits, for a load on a core of its own. Who writes to a sleeping process pays for waking
 * it, so that a server which is slower than its load would pay more for each answer.
 *
 * @returns how to let it sleep again
 */
export function stayAwake() {
  let awake = true;
  const goOn = () => awake && setImmediate(goOn);
  goOn();
  return () => {
    awake = false;
  };
}

/**
 * Sends `requests` over and over, each connection the next one, until `ms` milliseconds or `count` requests are over.
 *
 * `neverSleeps`: see {@link stayAwake}.
 *
 * All must be answered 200, in as many bytes as the first.
 *
 * @returns how many were answered, and in how many milliseconds
 * @throws {Error} for any other answer, or none within ten seconds
 */
export async function load({
  port,
  requests,
  connections,
  ms = Infinity,
  count = Infinity,
  neverSleeps = false,
}) {
  let sent = 0;
  let answered = 0;
  const start = performance.now();
  const next = () => {
    if (sent >= count || performance.now() - start >= ms) return undefined;
    return requests[sent++ % requests.length];
  };
  const maySleep = neverSleeps ? stayAwake() : () => undefined;
  const done = Array.from({ length: connections }, () =>
    keepAsking(port, next, () => (answered += 1)),
  );
  try {
    await Promise.all(done);
  } finally {
    maySleep();
  }
  return { answered, ms: performance.now() - start };
}

function keepAsking(port, next, onAnswer) {
  const buffer = Buffer.allocUnsafe(64 * 1024);
  let length = 0;
  let received = 0;
  return new Promise((resolve, reject) => {
    const fail = (why) => {
      socket.destroy();
      reject(new Error(why));
    };
    const ask = () => {
      const request = next();
      if (request !== undefined) return socket.write(request);
      socket.destroy();
      resolve();
    };
    const receive = (size) => {
      if (received === 0) {
        if (buffer.latin1Slice(9, 12) !== '200') {
          fail(`answered ${buffer.latin1Slice(0, Math.min(size, 300))}`);
          return false;
        }
        length ||= lengthOf(buffer.latin1Slice(0, size));
      }
      received += size;
      if (received > length) fail('an answer is longer than the first');
      if (received < length) return true;
      received = 0;
      onAnswer();
      ask();
      return true;
    };
    const socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback: receive } });
    socket.setNoDelay(true);
    socket.setTimeout(10_000, () => fail('no answer'));
    socket.once('error', reject);
    socket.once('end', () => fail('the server closed the connection'));
    socket.once('connect', ask);
  });
}

/** How long an answer is as a whole. */
function lengthOf(text) {
  const body = text.indexOf('\r\n\r\n') + 4;
  const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(text) ?? [];
  if (body < 4 || length === undefined) throw new Error('an answer without content-length');
  return body + Number(length);
}
