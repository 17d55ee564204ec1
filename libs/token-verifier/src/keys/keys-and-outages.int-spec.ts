import { createHash, createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { startTestIssuer } from '@countersign/test-kit';
import { jest } from '@jest/globals';
import { createTokenVerifier } from '../create-token-verifier.js';
import type { TokenVerifierOptions } from '../token-verifier-options.js';
import { isTokenRejected, isVerifierUnavailable } from '../errors.js';
import { keyFile } from './key-file.js';
import type { KeyStore } from './key-file.js';
import type { TokenVerifier } from '../token-verifier.js';

jest.setTimeout(30_000);

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A key of an issuer, under its thumbprint or under a mere name. */
function makeKey(name?: string) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { e, n } = publicKey.export({ format: 'jwk' });
  const content = JSON.stringify({ e, kty: 'RSA', n });
  const kid = name ?? createHash('sha256').update(content).digest('base64url');
  return { kid, jwk: { kty: 'RSA', e, n, kid, alg: 'RS256', use: 'sig' }, privateKey };
}
type Key = ReturnType<typeof makeKey>;
const [first, second, third] = [makeKey(), makeKey(), makeKey()];
const setOf = (...keys: Key[]) => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An issuer that is nothing but metadata and a key set, over real HTTP. `answer` is what it says when asked for keys. */
async function startKeyServer(...published: Key[]) {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    if (request.url === '/metadata') {
      response.end(JSON.stringify({ issuer: at.issuer, jwks_uri: `${at.issuer}/jwks` }));
      return;
    }
    at.asked.push(request.headers);
    at.answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  const at = {
    issuer: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked: [] as IncomingMessage['headers'][],
    answer: publish(...published),
    bytesSent: () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    token: (key: Key, header: object = {}, claims: object = {}) =>
      sign(key, at.issuer, header, claims),
  };
  return at;
}
type KeyServer = Awaited<ReturnType<typeof startKeyServer>>;

/** Answers with these keys from now on. */
function publish(...keys: Key[]): Answer {
  return (_request, response) => void response.end(setOf(...keys));
}

function redirectToGoodSet(status: number): Answer {
  return ({ url }, response) => {
    if (url !== '/other') response.writeHead(status, { location: '/other' });
    response.end(setOf(second));
  };
}

function sign(key: Key, issuer: string, header: object, more: object): string {
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    ...{ iss: issuer, sub: 'u', aud: ['orders'], client_id: 'c', jti: randomUUID() },
    ...{ iat, exp: iat + 300, ...more },
  };
  const head = { alg: 'RS256', typ: 'at+jwt', kid: key.kid, ...header };
  const input = [head, claims].map((part) => encode(JSON.stringify(part))).join('.');
  return `${input}.${createSign('sha256').update(input).sign(key.privateKey, 'base64url')}`;
}
const encode = (text: string) => Buffer.from(text).toString('base64url');

/** Tokens that look good, each under another `kid` that nobody has published. */
function junk(server: KeyServer, count: number): string[] {
  const [, payload, signature] = server.token(first).split('.');
  return Array.from({ length: count }, () => {
    const header = encode(JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: randomUUID() }));
    return `${header}.${payload!}.${signature!}`;
  });
}

async function verifierOf(server: KeyServer, more: Partial<TokenVerifierOptions> = {}) {
  const verifier = createTokenVerifier({
    issuer: server.issuer,
    audience: 'orders',
    discoveryUrl: `${server.issuer}/metadata`,
    revocation: 'none',
    ...more,
  });
  closing.push(() => verifier.close());
  await verifier.ready();
  return verifier;
}

async function outcome(verifier: TokenVerifier, token: string): Promise<string> {
  try {
    await verifier.verify(token);
    return 'accepted';
  } catch (error) {
    if (isTokenRejected(error) || isVerifierUnavailable(error)) return error.code;
    throw error;
  }
}

/** The system's clocks, of which the monotonic one can be moved on. */
function movableClock() {
  const clock = {
    offset: 0,
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now() + clock.offset,
  };
  return clock;
}

async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const limit = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error('it did not happen in time');
    await delay(10);
  }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

it('fifty callers at a cold start cause one fetch', async () => {
  const server = await startKeyServer(first);
  const slow = publish(first);
  server.answer = (request, response) => void setTimeout(() => slow(request, response), 200);
  const verifier = createTokenVerifier({
    issuer: server.issuer,
    audience: 'orders',
    discoveryUrl: `${server.issuer}/metadata`,
    revocation: 'none',
  });
  closing.push(() => verifier.close());
  const token = server.token(first);
  const early = await Promise.all(Array.from({ length: 50 }, () => outcome(verifier, token)));
  expect(new Set(early)).toEqual(new Set(['keys_unreachable']));
  await Promise.all(Array.from({ length: 50 }, () => verifier.ready()));
  const late = await Promise.all(Array.from({ length: 50 }, () => outcome(verifier, token)));
  expect(new Set(late)).toEqual(new Set(['accepted']));
  expect(server.asked).toHaveLength(1);
});

describe('a kid that nobody has published', () => {
  it('in ten thousand tokens causes at most one fetch in a cool-down, and a new key is picked up at once afterwards', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    const tokens = junk(server, 10_000);
    const outcomes = new Set<string>();
    const seconds = await secondsOf(async () => {
      for (let from = 0; from < tokens.length; from += 2_500) {
        const batch = tokens.slice(from, from + 2_500);
        for (const code of await Promise.all(batch.map((token) => outcome(verifier, token))))
          outcomes.add(code);
      }
    });
    // More than a thousand at a time are not kept waiting: those are told that nothing can be said now.
    expect(outcomes).toEqual(new Set(['unknown_key', 'keys_unreachable']));
    expect(server.asked.length).toBeLessThanOrEqual(2 + Math.ceil(seconds));
    server.answer = publish(first, second);
    const token = server.token(second);
    expect(
      await secondsOf(async () => expect(await outcome(verifier, token)).toBe('accepted')),
    ).toBeLessThan(3);
    expect(await outcome(verifier, server.token(first))).toBe('accepted');
    expect(verifier.state().signatures.unknownKids).toBe(10_001);
  });

  it('does not make a token under a key published a moment ago a bad one', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    for (const [known, fresh] of [
      [[first], second],
      [[first, second], third],
    ] as const) {
      const [nonsense] = junk(server, 1);
      expect(await outcome(verifier, nonsense!)).toBe('unknown_key');
      server.answer = publish(...known, fresh);
      expect(await outcome(verifier, server.token(fresh))).toBe('accepted');
    }
  });

  it('is not decided about by an answer that was under way when the token came', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    const old = publish(first);
    server.answer = (request, response) => void setTimeout(() => old(request, response), 1_000);
    const [nonsense] = junk(server, 1);
    const decided = outcome(verifier, nonsense!);
    await until(() => server.asked.length === 2);
    server.answer = publish(first, second);
    expect(await outcome(verifier, server.token(second))).toBe('accepted');
    expect(await decided).toBe('unknown_key');
    expect(server.asked).toHaveLength(3);
  });

  it('waits for a hanging issuer no longer than other requests do', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    server.answer = () => undefined;
    const tokens = junk(server, 200);
    const seconds = await secondsOf(async () => {
      const codes = await Promise.all(tokens.map((token) => outcome(verifier, token)));
      expect(new Set(codes)).toEqual(new Set(['keys_unreachable']));
    });
    expect(seconds).toBeLessThan(5);
    expect(await outcome(verifier, server.token(first))).toBe('accepted');
    expect(server.asked).toHaveLength(2);
  });

  it('does not wait at all, and does not ask, while an issuer in trouble is left alone', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    server.answer = (_request, response) => void response.writeHead(500).end();
    const asked = server.asked.length;
    const tokens = junk(server, 300);
    const seconds = await secondsOf(async () => {
      for (const token of tokens) expect(await outcome(verifier, token)).toBe('keys_unreachable');
    });
    expect(seconds).toBeLessThan(10);
    expect(server.asked.length - asked).toBeLessThanOrEqual(2 + Math.ceil(seconds));
  });

  it('waits no more when the verifier is closed', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    server.answer = () => undefined;
    const waiting = outcome(verifier, junk(server, 1)[0]!);
    await until(() => server.asked.length === 2);
    expect(await secondsOf(() => verifier.close())).toBeLessThan(2);
    expect(await waiting).toBe('keys_unreachable');
  });
});

describe('a signature that does not verify', () => {
  it('causes no fetch where a kid can never mean another key', async () => {
    const server = await startKeyServer(first);
    const clock = movableClock();
    const verifier = await verifierOf(server, { clock });
    clock.offset += 60_000;
    const forged = server.token({ ...second, kid: first.kid });
    expect(await outcome(verifier, forged)).toBe('bad_signature');
    expect(server.asked).toHaveLength(1);
  });

  it('causes one fetch in ten seconds where kids are mere names, and finds the new key of that name', async () => {
    const [old, renewed, foreign] = [makeKey('main'), makeKey('main'), makeKey('main')];
    const server = await startKeyServer(old);
    const clock = movableClock();
    const verifier = await verifierOf(server, { clock });
    for (let n = 0; n < 20; n += 1)
      expect(await outcome(verifier, server.token(foreign))).toBe('bad_signature');
    expect(server.asked).toHaveLength(1);
    clock.offset += 10_000;
    server.answer = publish(renewed);
    expect(await outcome(verifier, server.token(renewed))).toBe('accepted');
    expect(await outcome(verifier, server.token(old))).toBe('bad_signature');
    expect(server.asked).toHaveLength(2);
  });
});

describe('when the key set cannot be fetched', () => {
  it('tokens are verified past the soft age while heartbeats arrive, and past the hard age nobody is told that a token is bad', async () => {
    const issuer = await startTestIssuer();
    closing.push(() => issuer.stop());
    const clock = movableClock();
    let away = false;
    const keyServer = createServer((_request, response) => {
      if (away) response.destroy();
      else
        void fetch(`${issuer.issuer}/.well-known/jwks.json`).then(async (answer) =>
          response.end(await answer.text()),
        );
    });
    await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => keyServer.close(resolve).closeAllConnections()));
    const keysAt = `http://127.0.0.1:${String((keyServer.address() as AddressInfo).port)}/`;
    const outcomes: string[] = [];
    const verifier = createTokenVerifier({
      environment: issuer.environment,
      audience: 'orders',
      clock,
      keyAges: { refreshSeconds: 1, softSeconds: 900, hardSeconds: 12 * 3_600 },
      fetch: (url, init) => fetch(url.endsWith('/jwks.json') ? keysAt : url, init),
      onKeyFetch: (result, reason) =>
        outcomes.push(reason === undefined ? result : `${result}: ${reason}`),
    });
    closing.push(() => verifier.close());
    await verifier.ready();
    const seen = await issuer.issue();
    expect(await outcome(verifier, seen)).toBe('accepted');
    away = true;
    const heartbeat = () =>
      until(() => {
        const { revocation } = verifier.state();
        return revocation !== 'none' && revocation.freshness === 'fresh';
      });

    clock.offset += 16 * 60_000;
    await heartbeat();
    expect(await outcome(verifier, seen)).toBe('accepted');
    expect(await outcome(verifier, await issuer.issue())).toBe('accepted');
    expect(verifier.state().keys.freshness).toBe('late');
    expect(await outcome(verifier, await issuer.issue({}, { kid: 'invented' }))).toBe(
      'keys_unreachable',
    );
    expect(outcomes.at(-1)).toContain(`failed: ${issuer.issuer}/.well-known/jwks.json: `);

    clock.offset += 12 * 3_600_000;
    await heartbeat();
    for (const token of [seen, await issuer.issue(), await issuer.issue({}, { kid: 'invented' })])
      expect(await outcome(verifier, token)).toBe('keys_unreachable');
    expect(verifier.state().keys.freshness).toBe('stale');
    expect(verifier.state().ready).toBe(false);

    away = false;
    await until(async () => (await outcome(verifier, seen)) === 'accepted', 20_000);
    expect(verifier.state().keys.freshness).toBe('fresh');
  });

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
  ])('%s never replaces a good set, and costs little', async (_name, answer) => {
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
    expect(seconds).toBeLessThan(5);
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
  });
});

describe('a verifier that starts while the issuer is away', () => {
  async function startAway(fetchedSecondsAgo: number, jwks: string) {
    const server = await startKeyServer(first);
    server.answer = (request) => void request.socket.destroy();
    const folder = await mkdtemp(join(tmpdir(), 'countersign-key-file-'));
    closing.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'keys.json');
    await keyFile(file).save({ fetchedAt: Date.now() / 1000 - fetchedSecondsAgo, jwks });
    const verifier = createTokenVerifier({
      issuer: server.issuer,
      audience: 'orders',
      discoveryUrl: `${server.issuer}/metadata`,
      revocation: 'none',
      keyStore: keyFile(file),
    });
    closing.push(() => verifier.close());
    return { server, file, verifier };
  }

  it('goes on with the keys of its earlier life, at their age, and keeps the newer ones', async () => {
    const { server, file, verifier } = await startAway(3_600, setOf(first));
    await verifier.ready({ timeoutMs: 10_000 });
    expect(await outcome(verifier, server.token(first))).toBe('accepted');
    expect(verifier.state().keys.freshness).toBe('late');
    expect(Math.round(verifier.state().keys.ageSeconds / 60)).toBe(60);
    expect(await outcome(verifier, server.token(second))).toBe('keys_unreachable');
    server.answer = publish(second);
    await until(async () => (await outcome(verifier, server.token(second))) === 'accepted');
    await until(async () => (await keyFile(file).load())?.jwks === setOf(second));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['are too old', 13 * 3_600, () => setOf(first)],
    ['are from the future', -60, () => setOf(first)],
    ['must not be used', 60, () => '{"keys":[]}'],
  ])('is not ready with stored keys that %s', async (_name, age, jwks) => {
    const { server, verifier } = await startAway(age, jwks());
    await expect(verifier.ready({ timeoutMs: 1_000 })).rejects.toThrow(/not ready: keys/);
    expect(await outcome(verifier, server.token(first))).toBe('keys_unreachable');
  });
});

it.each<[string, KeyStore]>([
  ['hangs', { load: () => new Promise(() => undefined), save: () => new Promise(() => undefined) }],
  [
    'throws',
    {
      load: () => {
        throw new Error('no store');
      },
      save: () => {
        throw new Error('no store');
      },
    },
  ],
])('a store that %s keeps nobody from fetching keys', async (_name, keyStore) => {
  const server = await startKeyServer(first);
  server.answer = (request) => void request.socket.destroy();
  const verifier = createTokenVerifier({
    issuer: server.issuer,
    audience: 'orders',
    discoveryUrl: `${server.issuer}/metadata`,
    revocation: 'none',
    keyAges: { refreshSeconds: 0.1, softSeconds: 900, hardSeconds: 3_600 },
    keyStore,
  });
  closing.push(() => verifier.close());
  await until(() => server.asked.length > 0);
  server.answer = publish(first);
  await verifier.ready({ timeoutMs: 10_000 });
  const asked = server.asked.length;
  await until(() => server.asked.length > asked);
});

describe('in the background', () => {
  const often = { refreshSeconds: 0.1, softSeconds: 900, hardSeconds: 3_600 };

  it('a removed key is noticed, and its tokens are refused, however well they are known', async () => {
    const server = await startKeyServer(first, second);
    const verifier = await verifierOf(server, { keyAges: often });
    const token = server.token(first);
    expect(await outcome(verifier, token)).toBe('accepted');
    expect(await outcome(verifier, token)).toBe('accepted');
    server.answer = publish(second);
    await until(async () => (await outcome(verifier, token)) === 'unknown_key');
    expect(await outcome(verifier, server.token(second))).toBe('accepted');
  });

  it('what has not changed is not sent again, and tokens need not be verified again', async () => {
    const server = await startKeyServer(first);
    const etag = '"one"';
    server.answer = (request, response) => {
      if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
      else response.writeHead(200, { etag }).end(setOf(first));
    };
    const verifier = await verifierOf(server, { keyAges: often });
    const token = server.token(first);
    await verifier.verify(token);
    await until(() => (verifier.state().keys.fetches?.unchanged ?? 0) >= 3);
    expect(server.asked.map((headers) => headers['if-none-match']).slice(0, 3)).toEqual([
      undefined,
      etag,
      etag,
    ]);
    await verifier.verify(token);
    expect(verifier.state().signatures).toMatchObject({ recalled: 1, missed: 1 });
    expect(verifier.state().keys).toMatchObject({ fetches: { changed: 1, failed: 0 } });
    // Who asks because of an unknown kid wants to see for itself.
    await outcome(verifier, junk(server, 1)[0]!);
    expect(server.asked.filter((headers) => headers['if-none-match'] === undefined)).toHaveLength(
      2,
    );
  });

  it('there is never more than one fetch at a time, so that no old answer comes after a newer one', async () => {
    const server = await startKeyServer(first);
    let [open, most] = [0, 0];
    server.answer = (_request, response) => {
      most = Math.max(most, (open += 1));
      setTimeout(() => {
        open -= 1;
        response.end(setOf(first));
      }, 150);
    };
    const verifier = await verifierOf(server, { keyAges: often });
    await until(async () => {
      await Promise.all(junk(server, 20).map((token) => outcome(verifier, token)));
      return server.asked.length > 6;
    });
    expect(most).toBe(1);
  });
});

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
