import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { bearer, expectStatus, post, Stack } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await Stack.start();
  token = await stack.signIn(await stack.addAccount('ann@example.test'));
});
afterAll(() => stack.stop());

const send = (at: string, path: string, body: string, type = 'application/json') =>
  fetch(stack.url(at, path), {
    method: 'POST',
    headers: { 'content-type': type, ...bearer(token) },
    body,
  });

interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  errors?: { pointer: string; detail: string }[];
}
async function problemOf(answer: Response): Promise<Problem> {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const text = await answer.text();
  expect(text).not.toMatch(/\bat .*[:.]\d+|node_modules|Error:/);
  const problem = JSON.parse(text) as Problem;
  expect(problem).toMatchObject({
    type: `urn:countersign:error:${problem.code}`,
    status: answer.status,
  });
  return problem;
}

/** Every route with a body, and a body that it would take. */
const doors = [
  ['public', '/auth/register', { email: 'new@example.test' }],
  ['public', '/auth/email/verify', { token: 'x', password: 'a long password' }],
  ['public', '/auth/login', { email: 'ann@example.test', password: 'x' }],
  ['public', '/auth/password', { current_password: 'x', new_password: 'a long password' }],
  ['public', '/auth/password-reset', { email: 'new@example.test' }],
  ['public', '/auth/password-reset/confirm', { token: 'x', password: 'a long password' }],
  ['public', '/auth/email/change', { email: 'new@example.test', current_password: 'x' }],
  ['public', '/auth/email/change/confirm', { token: 'x' }],
  ['public', '/auth/email/restore', { token: 'x', password: 'a long password' }],
  ['orders', '/orders', { item: 'book', amount_cents: 100 }],
  [
    'payments',
    '/payments',
    { order_id: '8a9d3f4e-0000-4000-8000-000000000000', amount_cents: 100 },
  ],
  ['gateway', '/auth/login', { email: 'ann@example.test', password: 'x' }],
  ['gateway', '/orders', { item: 'book', amount_cents: 100 }],
] as const;

describe.each(doors)('%s %s', (at, path, good) => {
  it.each([
    ['malformed JSON', '{"a":', 'application/json', 400, 'invalid_json'],
    ['no JSON at all', '', 'application/json', 400, undefined],
    ['a list', '[]', 'application/json', 400, 'invalid_input'],
    ['null', 'null', 'application/json', 400, 'invalid_input'],
    ['text', JSON.stringify(good), 'text/plain', 415, 'unsupported_media_type'],
    ['a form', 'a=b', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['XML', '<a/>', 'application/xml', 415, 'unsupported_media_type'],
    [
      'a body of 65 KiB',
      JSON.stringify({ ...good, x: 'y'.repeat(65 * 1024) }),
      'application/json',
      413,
      'body_too_large',
    ],
  ])('%s', async (_name, body, type, status, code) => {
    const problem = await problemOf(await expectStatus(status, send(at, path, body, type)));
    if (code !== undefined) expect(problem.code).toBe(code);
  });

  it('each missing or mistyped member is named', async () => {
    for (const member of Object.keys(good)) {
      for (const value of [undefined, 7.5, {}, [], null]) {
        const problem = await problemOf(
          await expectStatus(400, send(at, path, JSON.stringify({ ...good, [member]: value }))),
        );
        expect(problem.errors?.map(({ pointer }) => pointer)).toContain(`/${member}`);
      }
    }
  });

  // What identity itself is sent: every-endpoint.e2e-spec.ts.
  if (at === 'public') return;
  it('nothing that a client sends is answered with a 500', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue(),
        fc.dictionary(
          fc.constantFrom(...Object.keys(good), '__proto__', 'constructor'),
          fc.jsonValue(),
        ),
        async (value, members) => {
          for (const body of [value, members, { ...good, ...members }]) {
            const answer = await send(at, path, JSON.stringify(body));
            await answer.text();
            if (answer.status >= 500 && answer.status !== 503) return false;
          }
          return true;
        },
      ),
      { numRuns: 25 },
    );
  });
});

it("a wrong path, method, cursor, id or client is the client's fault", async () => {
  await problemOf(await expectStatus(404, fetch(stack.url('gateway', '/nowhere'))));
  await problemOf(await expectStatus(404, fetch(stack.url('public', '/auth/login'))));
  await problemOf(
    await expectStatus(
      400,
      fetch(stack.url('orders', '/orders?limit=x'), { headers: bearer(token) }),
    ),
  );
  await problemOf(
    await expectStatus(
      404,
      fetch(stack.url('orders', '/orders/not-an-id'), { headers: bearer(token) }),
    ),
  );
  const login = { email: 'ann@example.test', password: 'x', client_id: 'nobody' };
  expect(
    (await problemOf(await expectStatus(400, post(stack.url('public', '/auth/login'), login))))
      .code,
  ).toBe('unknown_client');
  const verify = { token: 'unknown', password: 'a long password' };
  expect(
    (
      await problemOf(
        await expectStatus(400, post(stack.url('public', '/auth/email/verify'), verify)),
      )
    ).code,
  ).toBe('email_token_rejected');
});

describe('what looks harmless', () => {
  it('text with NUL or half a character, in any member that may be left out', async () => {
    const good = { email: 'ann@example.test', password: 'x' };
    for (const more of [
      { client_id: '\u0000' },
      { device_name: 'a\u0000b' },
      { device_name: 'a\ud800b' },
    ]) {
      await problemOf(
        await expectStatus(400, post(stack.url('public', '/auth/login'), { ...good, ...more })),
      );
    }
    for (const item of ['a\u0000b', 'a\ud800b']) {
      const placed = send('orders', '/orders', JSON.stringify({ item, amount_cents: 1 }));
      await problemOf(await expectStatus(400, placed));
    }
  });

  it('a proxy that forwards something else than an address does not keep anybody out', async () => {
    const account = await stack.addAccount('proxied@example.test');
    for (const from of ['203.0.113.7:4711', 'unknown', 'fe80::1%eth0', '203.0.113.7']) {
      await expectStatus(
        200,
        post(stack.url('public', '/auth/login'), account, { 'x-forwarded-for': from }),
      );
    }
  });

  it('a check-in with numbers or text that no database holds', async () => {
    const url = stack.url('service', '/relying-services/check-in');
    const credentials = Buffer.from(`orders:${stack.clientSecrets['orders']!}`).toString('base64');
    const good = {
      instance_id: '8a9d3f4e-0000-4000-8000-000000000000',
      kids: [],
      applied: { epoch: 1, seq: 0 },
    };
    for (const more of [
      { applied: { epoch: 2 ** 31, seq: 0 } },
      { applied: { epoch: 1, seq: 2 ** 60 } },
      { proof: '\u0000' },
      { kids: ['\u0000'] },
      { instance_id: 'x' },
    ]) {
      await problemOf(
        await expectStatus(
          400,
          post(url, { ...good, ...more }, { authorization: `Basic ${credentials}` }),
        ),
      );
    }
    await expectStatus(
      200,
      post(url, { ...good, goodbye: true }, { authorization: `Basic ${credentials}` }),
    );
  });
});

it('clients that ask much at once and are gone do not fill the log with errors', async () => {
  const request = 'GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\n\r\n';
  for (let n = 0; n < 10; n += 1) {
    const socket = connect(Number(new URL(stack.url('gateway')).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(request.repeat(20), () => socket.resetAndDestroy());
    await once(socket, 'close');
  }
  await expectStatus(200, fetch(stack.url('gateway', '/.well-known/jwks.json')));
  await delay(300);
  const errors = stack
    .logs()
    .split('\n')
    .filter((line) => line.includes('"name":"gateway"') && /"level":"(error|fatal)"/.test(line));
  expect(errors).toEqual([]);
});
