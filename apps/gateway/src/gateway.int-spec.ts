import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StartedRelyingService } from '@countersign/service-host';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { startGateway } from './start-gateway.js';

/** What an upstream received, as it tells in its answer. */
interface Echo {
  readonly upstream: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers that are not an echo, by path. */
const SPECIAL: Readonly<Record<string, (response: ServerResponse, asked: number) => void>> = {
  '/orders/slow': () => undefined,
  '/orders/broken': (response) => response.destroy(),
  '/orders/cut': (response) => {
    const headers = { 'content-type': 'text/plain', 'content-length': 100, etag: '"1"' };
    response.writeHead(200, headers).write('half');
    setTimeout(() => response.destroy(), 20);
  },
  '/orders/lost-once': (response, asked) => {
    if (asked === 1) response.destroy();
    else response.end('{}');
  },
  '/orders/busy': (response) => response.writeHead(503, { 'retry-after': '1' }).end('{}'),
  '/orders/hops': (response) =>
    response
      .writeHead(200, {
        connection: 'keep-alive, x-hop',
        'x-hop': '1',
        'keep-alive': 'timeout=9',
        'proxy-authenticate': 'Basic',
        'set-cookie': '__Host-session=evil',
      })
      .end('{}'),
  '/orders/nothing': (response) => response.writeHead(200, { 'content-length': 0 }).end(),
  '/orders/anything': (response) => response.writeHead(200, { 'content-length': 2 }).end('{}'),
  '/auth/login': (response) => response.writeHead(200, { 'set-cookie': 'a=b' }).end('{}'),
};

let issuer: TestIssuer;
let servers: Server[];
let gateway: StartedRelyingService;
let origin: string;
const asked = new Map<string, number>();

beforeAll(async () => {
  issuer = await startTestIssuer();
  servers = await Promise.all(['identity', 'orders', 'payments'].map(startUpstream));
  const [identity, orders, payments] = servers.map(originOf);
  gateway = await startGateway({
    ...issuer.environment,
    PORT: '0',
    MANAGEMENT_PORT: '0',
    IDENTITY_URL: identity,
    ORDERS_URL: orders,
    PAYMENTS_URL: payments,
    // Short, and yet longer than a busy machine stands still.
    UPSTREAM_TIMEOUT_MS: '3000',
    LOG_LEVEL: 'fatal',
  });
  origin = await openOrigin(gateway);
});

afterAll(async () => {
  await gateway.stop();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  await issuer.stop();
});

describe('routes', () => {
  test.each([
    ['POST', '/auth/login/x', 'identity'],
    ['GET', '/auth/me?a=b%2Fc', 'identity'],
    ['POST', '/oauth/token', 'identity'],
    ['POST', '/oauth/revoke', 'identity'],
    ['GET', '/.well-known/jwks.json', 'identity'],
    ['GET', '/orders', 'orders'],
    ['GET', '/orders?limit=1&cursor=%2F..%2F', 'orders'],
    ['DELETE', '/orders/1/pay', 'orders'],
    ['PATCH', '/payments/a%20b', 'payments'],
  ])('%s %s goes to %s, unchanged', async (method, path, upstream) => {
    const answer = await fetch(origin + path, { method, headers: await bearer() });
    expect(answer.status).toBe(200);
    await expect(answer.json()).resolves.toMatchObject({ upstream, method, url: path, body: '' });
  });

  test.each([
    '/auth',
    '/authentic',
    '/oauth/introspect',
    '/oauth/token/x',
    '/Orders',
    '/orders2',
    '/relying-services/check-in',
    '/revocations',
    '/operator/keys',
    '/forward-auth',
    '/metrics',
    '/health/live',
    '/favicon.ico',
  ])('%s leads nowhere', async (path) => {
    const answer = await fetch(origin + path, { headers: await bearer() });
    expect(answer.status).toBe(404);
    await expectProblem(answer, 'not_found');
  });

  test.each([
    '/orders/../auth/login',
    '/orders/%2e%2e/auth/login',
    '/orders/.%2E/x',
    '/./orders',
    '//orders',
    '/orders//1',
    '/orders%2f1',
    '/orders/%5C..',
    '/orders\\..\\auth',
    '/orders/%00',
    '/orders/%zz',
    '/orders#x',
    'http://evil.example/orders',
    '/auth/%2e%2e/orders',
  ])('%s is refused before it is routed', async (target) => {
    const answer = await sendRaw(`GET ${target}`, [`Authorization: ${await authorization()}`]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch('content-type: application/problem+json');
    expect(answer).toMatch(/"code":"(ambiguous_target|bad_request)"/);
  });

  test('a web socket is not opened', async () => {
    const answer = await sendRaw('GET /orders', [
      `Authorization: ${await authorization()}`,
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*"code":"upgrade_refused"/);
  });

  test('an offer of HTTP/2 is ignored', async () => {
    const answer = await sendRaw('GET /orders', [
      `Authorization: ${await authorization()}`,
      'Connection: Upgrade, HTTP2-Settings, close',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(echoOf(answer).headers).not.toHaveProperty('http2-settings');
    expect(echoOf(answer).headers).not.toHaveProperty('upgrade');
  });
});

describe('verification', () => {
  test.each([
    ['nothing', undefined, 401, 'credentials_required', 'Bearer realm="countersign"'],
    ['another scheme', 'Basic YTpi', 401, 'credentials_required', 'Bearer realm="countersign"'],
    ['two spaces', 'Bearer  x', 400, 'malformed_credentials', 'Bearer error="invalid_request"'],
    ['nonsense', 'Bearer nonsense', 401, 'malformed', 'Bearer error="invalid_token"'],
  ])('%s', async (_, value, status, code, challenge) => {
    const answer = await fetch(`${origin}/orders`, {
      headers: value === undefined ? {} : { authorization: value },
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('www-authenticate')).toBe(challenge);
    await expectProblem(answer, code);
  });

  test('each relying service has its own audience', async () => {
    const headers = { authorization: `Bearer ${await issuer.issue({ aud: ['orders'] })}` };
    expect((await fetch(`${origin}/orders`, { headers })).status).toBe(200);
    const refused = await fetch(`${origin}/payments`, { headers });
    expect(refused.status).toBe(401);
    await expectProblem(refused, 'wrong_audience');
  });

  test('a revoked token does not pass', async () => {
    const headers = { authorization: `Bearer ${await issuer.issue({ sid: 'ended' })}` };
    expect((await fetch(`${origin}/orders`, { headers })).status).toBe(200);
    const { seq } = issuer.revoke({ kind: 'sid', id: 'ended' });
    await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
    await expectProblem(await fetch(`${origin}/orders`, { headers }), 'revoked');
  });

  test('scopes are the business of the service', async () => {
    const headers = { authorization: `Bearer ${await issuer.issue({ scope: undefined })}` };
    expect((await fetch(`${origin}/orders`, { method: 'POST', headers })).status).toBe(200);
  });

  test('two Authorization headers are refused, for identity too', async () => {
    const good = `Authorization: ${await authorization()}`;
    for (const target of ['GET /orders', 'GET /auth/me']) {
      const answer = await sendRaw(target, [good, 'authorization: Basic YTpi']);
      expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*"code":"multiple_credentials"/);
      expect(answer).toMatch('www-authenticate: Bearer error="invalid_request"');
    }
  });
});

describe('headers', () => {
  test('identity gets credentials as they came, and is asked without any', async () => {
    const sent = { authorization: 'Basic YTpi', cookie: '__Host-session=1; a=b' };
    const answer = await fetch(`${origin}/auth/me`, { headers: sent });
    expect((await echo(answer)).headers).toMatchObject(sent);
    expect((await echo(await fetch(`${origin}/auth/me`))).headers).not.toHaveProperty(
      'authorization',
    );
  });

  test('a relying service gets the verified token, once, and no cookie', async () => {
    const value = await authorization();
    const answer = await sendRaw('GET /orders', [
      `Authorization: ${value.replace('Bearer', 'bearer')}`,
      'Cookie: __Host-session=1',
      'Connection: close, authorization',
    ]);
    expect(echoOf(answer).headers).toMatchObject({ authorization: value });
    expect(echoOf(answer).headers).not.toHaveProperty('cookie');
  });

  test('where a request came from is our word, not the client’s', async () => {
    const answer = await sendRaw('GET /orders', [
      `Authorization: ${await authorization()}`,
      'X-Forwarded-For: 10.0.0.1',
      'x-forwarded-for: 10.0.0.2',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Port: 1',
      'X-Forwarded-User: admin',
      'Forwarded: for=10.0.0.1',
      'X-Real-IP: 10.0.0.1',
      'X-Auth-Request-User: admin',
      'X-User-Id: admin',
      'Remote-User: admin',
      'Remote_User: admin',
      'X_Forwarded_For: 10.0.0.1',
      'Prefer: kept',
      'Connection: close, x-forwarded-for, x-request-id, idempotency-key',
      'Idempotency-Key: dropped',
      'X-Request-Id: no',
    ]);
    const { headers } = echoOf(answer);
    expect(headers).toEqual({
      host: new URL(originOf(servers[1]!)).host,
      connection: 'keep-alive',
      authorization: expect.any(String),
      prefer: 'kept',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'gateway.example',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(answer).toMatch(`x-request-id: ${headers['x-request-id'] ?? ''}`);
  });

  test('a request id that looks like one is kept', async () => {
    const headers = { ...(await bearer()), 'x-request-id': 'request-1234' };
    const answer = await fetch(`${origin}/orders`, { headers });
    expect(answer.headers.get('x-request-id')).toBe('request-1234');
    expect((await echo(answer)).headers).toMatchObject({ 'x-request-id': 'request-1234' });
  });

  test('of an answer end at their hop, and only identity sets cookies', async () => {
    const answer = await sendRaw('GET /orders/hops', [`Authorization: ${await authorization()}`]);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    for (const name of ['x-hop', 'proxy-authenticate', 'set-cookie', 'timeout=9']) {
      expect(answer).not.toMatch(name);
    }
    const login = await fetch(`${origin}/auth/login`, { method: 'POST' });
    expect(login.headers.getSetCookie()).toEqual(['a=b']);
  });
});

describe('bodies', () => {
  test.each([
    ['application/json', '{"a": 1}'],
    ['application/x-www-form-urlencoded', 'a=1&b=2'],
    ['text/plain; charset=utf-8', 'grüße'],
    ['application/octet-stream', '\u0000'],
  ])('%s passes byte for byte', async (type, body) => {
    const headers = { ...(await bearer()), 'content-type': type };
    const answer = await echo(await fetch(`${origin}/orders`, { method: 'POST', headers, body }));
    expect(answer.body).toBe(body);
    expect(answer.headers['content-type']).toBe(type);
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(body)));
  });

  test('a chunked one is sent on with its length', async () => {
    const answer = await sendRaw(
      'POST /orders',
      [
        `Authorization: ${await authorization()}`,
        'Transfer-Encoding: chunked',
        'Expect: 100-continue',
      ],
      '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
    );
    const received = echoOf(answer);
    expect(received.body).toBe('hello');
    expect(received.headers).toMatchObject({ 'content-length': '5' });
    expect(received.headers).not.toHaveProperty('transfer-encoding');
  });

  test('one of a GET is not passed on', async () => {
    const answer = await sendRaw(
      'GET /orders',
      [`Authorization: ${await authorization()}`, 'Content-Length: 5', 'Content-Type: text/plain'],
      'hello',
    );
    expect(echoOf(answer)).toMatchObject({ method: 'GET', body: '' });
  });

  test('more than 64 KiB is refused, announced or not', async () => {
    const body = 'a'.repeat(64 * 1024 + 1);
    const answer = await fetch(`${origin}/orders`, {
      method: 'POST',
      headers: await bearer(),
      body,
    });
    expect(answer.status).toBe(413);
    await expectProblem(answer, 'body_too_large');
    const chunked = await sendRaw(
      'POST /orders',
      [`Authorization: ${await authorization()}`, 'Transfer-Encoding: chunked'],
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('trouble behind the gateway', () => {
  test.each([
    ['GET', '/orders/slow'],
    ['POST', '/orders/slow'],
    ['POST', '/orders/broken'],
    ['GET', '/orders/broken'],
  ])('%s %s is answered 503 with Retry-After', async (method, path) => {
    const answer = await fetch(origin + path, { method, headers: await bearer() });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    await expectProblem(answer, 'upstream_unavailable');
  });

  test('a short answer that ends before its end is none, and leaves nothing behind', async () => {
    const answer = await fetch(`${origin}/orders/cut`, { headers: await bearer() });
    expect([answer.status, answer.headers.get('etag')]).toEqual([503, null]);
    await expectProblem(answer, 'upstream_unavailable');
  });

  test.each(['/orders/nothing', '/orders/anything'])(
    '%s comes without a type, and gets none',
    async (path) => {
      const answer = await fetch(origin + path, { headers: await bearer() });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, null]);
    },
  );

  test('reading is repeated once over a lost connection, writing never', async () => {
    const path = '/orders/lost-once';
    asked.delete(path);
    expect((await fetch(origin + path, { headers: await bearer() })).status).toBe(200);
    expect(asked.get(path)).toBe(2);
    asked.delete(path);
    const writing = await fetch(origin + path, { method: 'POST', headers: await bearer() });
    expect(writing.status).toBe(503);
    expect(asked.get(path)).toBe(1);
  });

  test('an upstream that says 503 is not asked again', async () => {
    asked.delete('/orders/busy');
    const answer = await fetch(`${origin}/orders/busy`, { headers: await bearer() });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(asked.get('/orders/busy')).toBe(1);
  });
});

test('the start page says what answers, and runs no script', async () => {
  const answer = await fetch(`${origin}/`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(answer.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-/,
  );
  const page = await answer.text();
  expect(page).not.toMatch(/<script/i);
  for (const row of [
    'gateway</td><td>verifies',
    'identity</td><td>answers',
    'orders</td><td>answers',
    '/auth/register</code></td><td>an e-mail address; the message sent to it',
  ]) {
    expect(page).toMatch(row);
  }
});

async function authorization(): Promise<string> {
  return `Bearer ${await issuer.issue()}`;
}

async function bearer(): Promise<{ authorization: string }> {
  return { authorization: await authorization() };
}

async function echo(answer: Response): Promise<Echo> {
  return (await answer.json()) as Echo;
}

function echoOf(answer: string): Echo {
  return JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as Echo;
}

async function expectProblem(answer: Response, code: string): Promise<void> {
  expect(answer.headers.get('content-type')).toMatch('application/problem+json');
  const { status } = answer;
  const type = `urn:countersign:error:${code}`;
  await expect(answer.json()).resolves.toEqual({ type, title: expect.any(String), status, code });
}

async function startUpstream(name: string): Promise<Server> {
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request;
    const count = (asked.get(url) ?? 0) + 1;
    asked.set(url, count);
    void text(request).then((body) => {
      const special = SPECIAL[url];
      if (special) special(response, count);
      else response.end(JSON.stringify({ upstream: name, method, url, headers, body }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

async function openOrigin(started: StartedRelyingService): Promise<string> {
  await until(() => started.port !== undefined);
  return `http://127.0.0.1:${String(started.port)}`;
}

async function sendRaw(start: string, headers: string[], body = ''): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  await once(socket, 'connect');
  const own = headers.some((line) => line.startsWith('Connection:')) ? [] : ['Connection: close'];
  const lines = [`${start} HTTP/1.1`, 'Host: gateway.example', ...own, ...headers, '', body];
  socket.write(lines.join('\r\n'));
  return text(socket);
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
