import { gzipSync } from 'node:zlib';
import { jest } from '@jest/globals';
import { bearer, expectStatus, Stack } from '../stack.js';
import { AMBIGUOUS, HIDDEN } from './ambiguous-requests.js';
import { exchange } from './raw.js';

jest.setTimeout(240_000);

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await Stack.start();
  token = await stack.signIn(await stack.addAccount('ann@example.test'));
});
afterAll(() => stack.stop());

const EVERYBODY = ['gateway', 'public', 'service', 'operator', 'orders', 'payments'] as const;
/** A route of each that reads a body. */
const READS = {
  gateway: '/auth/login',
  public: '/auth/login',
  service: '/relying-services/check-in',
  operator: '/operator/clients',
  orders: '/orders',
  payments: '/payments',
} as const;
const shapes = EVERYBODY.map((at) => [at] as const);

describe.each(shapes)('%s', (at) => {
  const port = () => stack.ports[at]!;

  it('ends the connection on whatever can be read in two ways, and answers nothing that hides behind', async () => {
    const wrong: unknown[] = [];
    await Promise.all(
      Object.entries(AMBIGUOUS).map(async ([name, bytes]) => {
        const { text, statuses, isClosed } = await exchange(port(), bytes, 2_000);
        const isProblem =
          /\r\ncontent-type: application\/problem\+json[;\r][\s\S]*"code":"\w+"/i.test(text);
        if (statuses.join() !== '400' || !isClosed || !isProblem)
          wrong.push([name, statuses, isClosed, text.slice(-80)]);
      }),
    );
    expect(wrong).toEqual([]);
    expect(stack.logs()).not.toContain('hidden-behind');
  });

  it('answers each of several requests on a connection by itself, and in turn', async () => {
    const one = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
    const bytes =
      one('/a') +
      one('/b', `authorization: Bearer ${token}\r\n`) +
      one('/c', 'connection: close\r\n');
    // The last one ends the connection.
    expect((await exchange(port(), bytes, 10_000)).statuses).toEqual([404, 404, 404]);
  });

  it('takes no other address than one of its own: no proxy, no tunnel', async () => {
    for (const line of [
      'GET http://evil.example/auth/me',
      'CONNECT evil.example:443',
      'OPTIONS *',
      'GET //evil.example/',
      'GET /%2e%2e/%2e%2e/etc/passwd',
      'GET /..;/operator/keys',
      'GET \\\\evil',
    ]) {
      const { statuses, text } = await exchange(
        port(),
        `${line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
      );
      expect([line, statuses.length <= 1 && statuses.every((status) => status >= 400)]).toEqual([
        line,
        true,
      ]);
      expect(text).not.toMatch(/^location:/im);
    }
  });

  it('changes to no other protocol', async () => {
    for (const protocol of ['h2c', 'websocket', 'TLS/1.0', 'HTTP/2.0']) {
      const { statuses } = await exchange(
        port(),
        `GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: ${protocol}\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n${HIDDEN}`,
      );
      expect(statuses).not.toContain(101);
      expect(statuses[0]).toBeGreaterThanOrEqual(400);
    }
  });

  it('neither traces nor takes a method for another', async () => {
    for (const method of ['TRACE', 'TRACK', 'DEBUG', 'PROPFIND', 'PUT', 'PATCH']) {
      const { text, statuses } = await exchange(
        port(),
        `${method} /auth/me HTTP/1.1\r\nhost: x\r\nx-canary: in-the-request\r\nconnection: close\r\n\r\n`,
      );
      expect([method, statuses[0]! >= 400, text.includes('in-the-request')]).toEqual([
        method,
        true,
        false,
      ]);
    }
    for (const override of [
      'x-http-method-override',
      'x-http-method',
      'x-method-override',
      '_method',
    ]) {
      for (const path of ['/auth/sessions', '/auth/logout', '/orders']) {
        const answer = await fetch(stack.url(at, `${path}?_method=DELETE`), {
          headers: { [override]: 'DELETE', ...bearer(token) },
        });
        expect([path, [200, 400, 401, 404].includes(answer.status)]).toEqual([path, true]);
        await answer.text();
      }
    }
    await expectStatus(200, fetch(stack.url('public', '/auth/me'), { headers: bearer(token) }));
  });

  it('takes so much and no more: headers, address, body, members', async () => {
    const request = (path: string, ...lines: string[]) =>
      exchange(
        port(),
        [`GET ${path} HTTP/1.1`, 'host: x', ...lines, 'connection: close', '', ''].join('\r\n'),
        2_000,
      );
    for (const large of [
      await request('/', `x: ${'y'.repeat(20_000)}`),
      await request('/', ...Array.from({ length: 2_500 }, (_, n) => `x${String(n)}: y`)),
      await request(`/${'a'.repeat(20_000)}`),
      await request(`/?a=${'b'.repeat(20_000)}`),
    ]) {
      expect(large.text).toMatch(/^HTTP\/1\.1 431 [\s\S]*"code":"headers_too_large"/);
    }
    const most = await request(`/?${'a&'.repeat(5_000)}`);
    expect(most.statuses[0]).toBeLessThan(500);
    const send = (body: string | Buffer, headers: Record<string, string> = {}) =>
      fetch(stack.url(at, READS[at]), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer(token), ...headers },
        body,
      });
    for (const body of [
      '['.repeat(60_000),
      `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      `{${Array.from({ length: 5_000 }, (_, n) => `"${String(n)}":1`).join()}}`,
    ]) {
      const answer = await send(body);
      expect(answer.status).toBeLessThan(500);
      await answer.text();
    }
  });

  it('unpacks nothing: a small body stays small', async () => {
    const bomb = gzipSync(
      JSON.stringify({ email: 'ann@example.test', password: 'a'.repeat(10 * 1024 * 1024) }),
    );
    expect(bomb.length).toBeLessThan(64 * 1024);
    for (const encoding of ['gzip', 'deflate', 'br', 'zstd']) {
      const answer = await fetch(stack.url(at, READS[at]), {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': encoding },
        body: bomb,
      });
      expect([400, 404, 415]).toContain(answer.status);
      await answer.text();
    }
  });
});

it('a chunk extension is read over, and goes no further', async () => {
  const body = JSON.stringify({ item: 'book', amount_cents: 100 });
  const bytes = `POST /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ntransfer-encoding: ChUnKeD\r\nconnection: close\r\n\r\n${body.length.toString(16)};a="b;c"\r\n${body}\r\n0\r\n\r\n`;
  for (const at of ['gateway', 'orders'])
    expect((await exchange(stack.ports[at]!, bytes, 3_000)).statuses).toEqual([201]);
});
