import 'reflect-metadata';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { StartedRelyingService } from '@countersign/service-host';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { startOrders } from './start-orders.js';

interface OrderBody {
  readonly id: string;
}

interface PaymentRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

let issuer: TestIssuer;
let payments: Server;
let paymentsAnswer: { status: number; headers?: Record<string, string>; body?: object };
const paymentRequests: PaymentRequest[] = [];
let orders: StartedRelyingService;
let origin: string;

beforeAll(async () => {
  issuer = await startTestIssuer();
  payments = createServer((request, response) => {
    void json(request).then((body) => {
      paymentRequests.push({ headers: request.headers, body });
      response.writeHead(paymentsAnswer.status, paymentsAnswer.headers);
      response.end(JSON.stringify(paymentsAnswer.body ?? {}));
    });
  });
  await new Promise<void>((resolve) => payments.listen(0, '127.0.0.1', resolve));
  orders = await startOrders({
    ...issuer.environment,
    PORT: '0',
    MANAGEMENT_PORT: '0',
    PAYMENTS_URL: `http://127.0.0.1:${String((payments.address() as AddressInfo).port)}`,
    LOG_LEVEL: 'fatal',
  });
  origin = `http://127.0.0.1:${String(orders.port)}`;
  await until(async () => (await health()).status === 200);
});

afterAll(async () => {
  await orders.stop();
  payments.close();
  payments.closeAllConnections();
  await issuer.stop();
});

afterEach(() => {
  paymentRequests.length = 0;
});

describe('orders', () => {
  test('are placed, read and listed by their owner', async () => {
    const anna = await someone('anna');
    const placed = await anna.post('/orders', { item: 'a book', amount_cents: 1250 });
    expect(placed.status).toBe(201);
    const order = await read<OrderBody>(placed);
    expect(order).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      item: 'a book',
      amount_cents: 1250,
      status: 'placed',
      created_at: expect.any(Number),
    });
    await anna.post('/orders', { item: 'a pen', amount_cents: 99 });
    await expect((await anna.get(`/orders/${order.id}`)).json()).resolves.toEqual(order);

    const first = await read<{ next_cursor: string }>(await anna.get('/orders?limit=1'));
    expect(first).toMatchObject({ items: [{ item: 'a pen' }], next_cursor: expect.any(String) });
    const second = await anna.get(`/orders?limit=1&cursor=${first.next_cursor}`);
    await expect(second.json()).resolves.toEqual({ items: [order], next_cursor: null });
  });

  test("somebody else's do not exist", async () => {
    const bert = await someone('bert');
    const { id } = await read<OrderBody>(
      await bert.post('/orders', { item: 'a', amount_cents: 1 }),
    );
    const carl = await someone('carl');
    for (const answer of [
      await carl.get(`/orders/${id}`),
      await carl.post(`/orders/${id}/pay`),
      await carl.get('/orders/unknown'),
    ]) {
      expect(answer.status).toBe(404);
      await expect(answer.json()).resolves.toMatchObject({ code: 'order_not_found' });
    }
    await expect((await carl.get('/orders')).json()).resolves.toEqual({
      items: [],
      next_cursor: null,
    });
  });

  test('need a token with the scope, and a token is not read from elsewhere', async () => {
    const nobody = await fetch(`${origin}/orders?access_token=${await issuer.issue()}`);
    expect(nobody.status).toBe(401);
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer realm="countersign"');
    const reader = await someone('support', 'orders:read payments:read');
    const refused = await reader.post('/orders', { item: 'a', amount_cents: 1 });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('content-type')).toMatch('application/problem+json');
    expect(refused.headers.get('www-authenticate')).toBe(
      'Bearer error="insufficient_scope", scope="orders:write"',
    );
    await expect(refused.json()).resolves.toMatchObject({ code: 'insufficient_scope' });
  });
});

describe('paying an order', () => {
  const paid = { status: 201, body: {} };

  async function placedBy(name: string) {
    const owner = await someone(name);
    const order = await read<OrderBody>(
      await owner.post('/orders', { item: 'a', amount_cents: 700 }),
    );
    return { owner, order, pay: `/orders/${order.id}/pay` };
  }

  test('hands on the token and the request id, and pays once', async () => {
    paymentsAnswer = paid;
    const { owner, order, pay } = await placedBy('dora');
    const came = {
      'x-request-id': 'request-of-dora',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'vendor=1',
    };
    const answer = await owner.post(pay, undefined, came);
    expect(answer.status).toBe(200);
    await expect(answer.json()).resolves.toEqual({ ...order, status: 'paid' });
    expect(paymentRequests).toHaveLength(1);
    expect(paymentRequests[0]).toMatchObject({
      headers: { authorization: owner.authorization, ...came },
      body: { order_id: order.id, amount_cents: 700 },
    });
    const again = await owner.post(pay);
    expect(again.status).toBe(409);
    await expect(again.json()).resolves.toMatchObject({ code: 'already_paid' });
    expect(paymentRequests).toHaveLength(1);
  });

  test('takes an empty object for a body, and nothing in it', async () => {
    paymentsAnswer = paid;
    const { owner, pay } = await placedBy('emil');
    expect((await owner.post(pay, { amount_cents: 1 })).status).toBe(400);
    expect((await owner.post(pay, {})).status).toBe(200);
  });

  test.each([
    [401, 'revoked', 'Bearer error="invalid_token"'],
    [403, 'insufficient_scope', 'Bearer error="insufficient_scope", scope="payments:write"'],
  ])('passes on that payments answered %d %s', async (status, code, challenge) => {
    const problem = { type: `urn:countersign:error:${code}`, title: 'No', status, code };
    paymentsAnswer = { status, headers: { 'www-authenticate': challenge }, body: problem };
    const { owner, pay } = await placedBy('fred');
    const answer = await owner.post(pay);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('www-authenticate')).toBe(challenge);
    await expect(answer.json()).resolves.toEqual(problem);
  });

  test('is refused for good when payments knows of another payment', async () => {
    paymentsAnswer = { status: 409, body: { code: 'already_paid' } };
    const { owner, order, pay } = await placedBy('hugo');
    const answer = await owner.post(pay);
    expect(answer.status).toBe(409);
    expect(answer.headers.get('retry-after')).toBeNull();
    await expect(answer.json()).resolves.toMatchObject({ code: 'payment_conflict' });
    await expect((await owner.get(`/orders/${order.id}`)).json()).resolves.toEqual(order);
  });

  test.each([500, 503, 400, 404, 422, 429, 204, 302])(
    'is not possible while payments answers %d',
    async (status) => {
      paymentsAnswer = { status, headers: { location: '/elsewhere' } };
      const { owner, order, pay } = await placedBy('gina');
      const answer = await owner.post(pay);
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('5');
      await expect(answer.json()).resolves.toMatchObject({ code: 'payments_unavailable' });
      await expect((await owner.get(`/orders/${order.id}`)).json()).resolves.toEqual(order);
    },
  );
});

describe('bad input is the client’s fault, and told as a problem', () => {
  const json = { 'content-type': 'application/json' };
  const order = (more: object) => JSON.stringify({ item: 'a', amount_cents: 1, ...more });

  test.each([
    ['malformed JSON', json, '{"item":', 400, 'invalid_json'],
    ['an empty body', json, '', 400, 'invalid_json'],
    ['a poisoned prototype', json, '{"__proto__":{},"item":"a","amount_cents":1}', 400, undefined],
    ['text', { 'content-type': 'text/plain' }, order({}), 415, 'unsupported_media_type'],
    [
      'a form',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'item=a&amount_cents=1',
      415,
      'unsupported_media_type',
    ],
    ['too much', json, order({ item: 'a'.repeat(70_000) }), 413, 'body_too_large'],
  ])('%s', async (_, headers, body, status, code) => {
    const anna = await someone('anna');
    const answer = await fetch(`${origin}/orders`, {
      method: 'POST',
      headers: { authorization: anna.authorization, ...headers },
      body,
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    const problem = await answer.json();
    if (code !== undefined) expect(problem).toMatchObject({ status, code });
    expect(JSON.stringify(problem)).not.toContain(' at ');
  });

  test.each([
    [{ item: 'a', amount_cents: 1, colour: 'red' }, '/colour'],
    [{ item: '', amount_cents: 1 }, '/item'],
    [{ item: '\u0000', amount_cents: 1 }, '/item'],
    [{ item: 'a\u0000b', amount_cents: 1 }, '/item'],
    [{ item: 'a', amount_cents: '\u0000' }, '/amount_cents'],
    [{ item: 'a', amount_cents: 1, '\u0000': '\u0000' }, '/\u0000'],
    [{ item: 'a'.repeat(201), amount_cents: 1 }, '/item'],
    [{ item: 'a' }, '/amount_cents'],
    [{ item: 'a', amount_cents: 1.5 }, '/amount_cents'],
    [{ item: 'a', amount_cents: 10_000_001 }, '/amount_cents'],
    [{ item: 'a', amount_cents: '1' }, '/amount_cents'],
    [[], ''],
  ])('%j is refused at %j', async (body, pointer) => {
    const answer = await (await someone('anna')).post('/orders', body);
    expect(answer.status).toBe(400);
    const problem = await read<{ errors: unknown[] }>(answer);
    expect(problem).toMatchObject({ code: 'invalid_input' });
    expect(problem.errors).toContainEqual({ pointer, detail: expect.any(String) });
  });

  test.each([
    'limit=0',
    'limit=101',
    'limit=1e1',
    'limit=',
    'limit=1&limit=2',
    'limit=%00',
    'limit=5%00',
    'cursor=x',
    'cursor=%00',
    'cursor=1%00',
    '%00=1',
    'page=2',
  ])('the query ?%s is refused', async (query) => {
    const answer = await (await someone('anna')).get(`/orders?${query}`);
    expect(answer.status).toBe(400);
    await expect(answer.json()).resolves.toMatchObject({ code: 'invalid_input' });
  });

  test('paths that lead nowhere', async () => {
    const anna = await someone('anna');
    for (const [path, status, code] of [
      ['/nothing', 404, 'not_found'],
      ['/orders/%zz', 400, 'bad_request'],
      ['/orders/%00', 404, 'order_not_found'],
      ['/orders/8a9d3f4e-0000-4000-8000-000000000000%00', 404, 'order_not_found'],
    ] as const) {
      const answer = await anna.get(path);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toMatch('application/problem+json');
      const text = await answer.text();
      expect(JSON.parse(text)).toMatchObject({ code });
      expect(text).not.toContain('%zz');
    }
  });
});

test('verifications and ages are measured', async () => {
  await (await someone('anna')).get('/orders');
  await fetch(`${origin}/orders`, { headers: { authorization: 'Bearer nonsense' } });
  const metrics = await fetch(`http://127.0.0.1:${String(orders.managementPort)}/metrics`);
  const text = await metrics.text();
  expect(text).toMatch(/countersign_verify_total\{outcome="accepted"\} \d/);
  expect(text).toMatch(/countersign_verify_total\{outcome="malformed"\} \d/);
  expect(text).toMatch(/countersign_heartbeat_age_seconds \d/);
  expect(text).toMatch(/countersign_key_age_seconds \d/);
});

async function someone(sub: string, scope?: string) {
  const authorization = `Bearer ${await issuer.issue({ sub, ...(scope && { scope }) })}`;
  return {
    authorization,
    get: (path: string) => fetch(origin + path, { headers: { authorization } }),
    post: (path: string, body?: object, headers: Record<string, string> = {}) =>
      fetch(origin + path, {
        method: 'POST',
        headers: {
          authorization,
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body && { body: JSON.stringify(body) }),
      }),
  };
}

async function read<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

function health(): Promise<Response> {
  return fetch(`http://127.0.0.1:${String(orders.managementPort)}/health/ready`);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
