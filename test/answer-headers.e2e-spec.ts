import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { jest } from '@jest/globals';
import { bearer, expectStatus, post, Stack } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await Stack.start();
  token = await stack.signIn(await stack.addAccount('ann@example.test'));
});
afterAll(() => stack.stop());

const PROTECTION = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
const shown = ({ headers }: Pick<Response, 'headers'>) =>
  Object.fromEntries(Object.keys(PROTECTION).map((name) => [name, headers.get(name)]));

/** What each listener answers, by path. */
const ANSWERS = {
  gateway: {
    '/orders': 200,
    '/payments': 200,
    '/auth/me': 200,
    '/nowhere': 404,
    '/orders/a%2Fb': 400,
  },
  gatewayManagement: {
    '/health/live': 200,
    '/health/ready': 200,
    '/metrics': 200,
    '/nowhere': 404,
  },
  public: { '/auth/me': 200, '/auth/openapi.json': 200, '/nowhere': 404 },
  service: { '/openapi.json': 200, '/revocations': 401, '/nowhere': 404 },
  operator: {
    '/operator/openapi.json': 200,
    '/operator/status': 401,
    '/health/ready': 200,
    '/metrics': 200,
  },
  identityManagement: { '/health/ready': 200, '/metrics': 200, '/nowhere': 404 },
  orders: { '/orders': 200, '/nowhere': 404 },
  ordersManagement: { '/health/ready': 200, '/metrics': 200, '/nowhere': 404 },
  payments: { '/payments': 200, '/nowhere': 404 },
  paymentsManagement: { '/health/ready': 200, '/metrics': 200, '/nowhere': 404 },
} as const;
const listeners = Object.keys(ANSWERS) as (keyof typeof ANSWERS)[];

it('every listener is looked at', () => {
  expect([...listeners].sort()).toEqual(Object.keys(stack.ports).sort());
});

it.each(listeners)(
  'answers of %s load nothing, stand in no frame and are kept by no cache',
  async (listener) => {
    for (const [path, status] of Object.entries(ANSWERS[listener])) {
      const answer = await fetch(stack.url(listener, path), { headers: bearer(token) });
      await answer.text();
      expect([path, answer.status, shown(answer)]).toEqual([path, status, PROTECTION]);
    }
    const refused = await fetch(stack.url(listener, Object.keys(ANSWERS[listener])[0]), {
      method: 'POST',
      body: '{',
    });
    await refused.text();
    expect([refused.ok, shown(refused)]).toEqual([false, PROTECTION]);
  },
);

it.each(listeners)('what %s cannot read is answered in the same way', async (listener) => {
  for (const sent of ['junk', 'GET /% HTTP/1.1\r\nHost: localhost\r\nConnection: close']) {
    const socket = connect(stack.ports[listener]!, 'localhost');
    await once(socket, 'connect');
    socket.write(`${sent}\r\n\r\n`);
    const [head = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    for (const [name, value] of Object.entries(PROTECTION))
      expect(head).toContain(`${name}: ${value}`);
  }
});

it('what may be kept says so, a page says itself what it loads, and a stream is protected too', async () => {
  const jwks = await expectStatus(200, fetch(stack.url('gateway', '/.well-known/jwks.json')));
  expect(shown(jwks)).toEqual({
    ...PROTECTION,
    'cache-control': expect.stringMatching(/^public, max-age=/),
  });
  for (const [listener, path] of [
    ['gateway', '/'],
    ['public', '/auth/docs'],
    ['service', '/docs'],
    ['operator', '/operator/docs'],
  ] as const) {
    const page = await expectStatus(200, fetch(stack.url(listener, path)));
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(shown(page)).toEqual({
      ...PROTECTION,
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; style-src .*frame-ancestors 'none'/,
      ),
    });
  }
  const credentials = Buffer.from(`orders:${stack.clientSecrets['orders']!}`).toString('base64');
  const stop = new AbortController();
  const feed = await expectStatus(
    200,
    fetch(stack.url('service', '/revocations/feed'), {
      headers: { authorization: `Basic ${credentials}` },
      signal: stop.signal,
    }),
  );
  expect(shown(feed)).toEqual(PROTECTION);
  stop.abort();
  const login = await post(stack.url('gateway', '/auth/login'), {
    email: 'ann@example.test',
    password: 'wrong password',
  });
  expect([login.status, shown(login)]).toEqual([401, PROTECTION]);
});
