import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { StartedRelyingService } from '@countersign/service-host';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { startPayments } from './start-payments.js';

let issuer: TestIssuer;
let service: StartedRelyingService;
let payments: string;

beforeAll(async () => {
  issuer = await startTestIssuer();
  service = await startPayments({
    ...issuer.environment,
    PORT: '0',
    MANAGEMENT_PORT: '0',
    LOG_LEVEL: 'fatal',
  });
  payments = `http://127.0.0.1:${String(service.port)}/payments`;
  const ready = `http://127.0.0.1:${String(service.managementPort)}/health/ready`;
  await until(async () => (await fetch(ready)).status === 200);
});

afterAll(async () => {
  await service.stop();
  await issuer.stop();
});

test('an order is paid once, however often it is asked', async () => {
  const anna = await someone('anna');
  const order_id = randomUUID();
  const first = await anna.pay({ order_id, amount_cents: 700 });
  expect(first.status).toBe(201);
  const payment = await first.json();
  expect(payment).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    order_id,
    amount_cents: 700,
    created_at: expect.any(Number),
  });
  await expect((await anna.pay({ order_id, amount_cents: 700 })).json()).resolves.toEqual(payment);
  const other = await anna.pay({ order_id, amount_cents: 1 });
  expect(other.status).toBe(409);
  await expect(other.json()).resolves.toMatchObject({ code: 'already_paid' });
  await expect((await anna.list()).json()).resolves.toEqual({
    items: [payment],
    next_cursor: null,
  });
});

test('everybody sees their own payments only', async () => {
  await (await someone('bert')).pay({ order_id: randomUUID(), amount_cents: 1 });
  const nothing = { items: [], next_cursor: null };
  await expect((await (await someone('carl')).list()).json()).resolves.toEqual(nothing);
});

test('reading and paying need their scopes', async () => {
  const support = await someone('support', 'orders:read payments:read');
  expect((await support.list()).status).toBe(200);
  const refused = await support.pay({ order_id: randomUUID(), amount_cents: 1 });
  expect(refused.status).toBe(403);
  expect(refused.headers.get('content-type')).toMatch('application/problem+json');
  expect(refused.headers.get('www-authenticate')).toBe(
    'Bearer error="insufficient_scope", scope="payments:write"',
  );
  const customer = await someone('dora', 'payments:write');
  expect((await customer.list()).status).toBe(403);
});

test('it trusts nobody: a token for orders alone, or no longer good, pays nothing', async () => {
  const body = { order_id: randomUUID(), amount_cents: 1 };
  const others = await issuer.issue({ aud: ['orders'] });
  const refused = await pay(`Bearer ${others}`, body);
  expect(refused.status).toBe(401);
  expect(refused.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  await expect(refused.json()).resolves.toMatchObject({ code: 'wrong_audience' });

  const token = `Bearer ${await issuer.issue({ sid: 'ended' })}`;
  expect((await pay(token, body)).status).toBe(201);
  const { seq } = issuer.revoke({ kind: 'sid', id: 'ended' });
  await until(async () => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
  const revoked = await pay(token, body);
  expect(revoked.status).toBe(401);
  await expect(revoked.json()).resolves.toMatchObject({ code: 'revoked' });
});

test('bad input is named', async () => {
  const anna = await someone('anna');
  for (const [body, pointer] of [
    [{ order_id: 'x', amount_cents: 1 }, '/order_id'],
    [{ order_id: '\u0000', amount_cents: 1 }, '/order_id'],
    [{ order_id: `${randomUUID()}\u0000`, amount_cents: 1 }, '/order_id'],
    [{ order_id: randomUUID(), amount_cents: '\u0000' }, '/amount_cents'],
    [{ order_id: randomUUID(), amount_cents: 1, '\u0000': 1 }, '/\u0000'],
    [{ order_id: randomUUID(), amount_cents: 0 }, '/amount_cents'],
    [{ order_id: randomUUID(), amount_cents: 1, to: 'me' }, '/to'],
  ] as const) {
    const answer = await anna.pay(body);
    expect(answer.status).toBe(400);
    const { code, errors } = (await answer.json()) as { code: string; errors: unknown[] };
    expect(code).toBe('invalid_input');
    expect(errors).toContainEqual({ pointer, detail: expect.any(String) });
  }
});

test.each(['limit=0', 'limit=%00', 'limit=5%00', 'cursor=x', 'cursor=1%00', '%00=1'])(
  'the query ?%s is refused',
  async (query) => {
    const authorization = `Bearer ${await issuer.issue()}`;
    const answer = await fetch(`${payments}?${query}`, { headers: { authorization } });
    expect(answer.status).toBe(400);
    await expect(answer.json()).resolves.toMatchObject({ code: 'invalid_input' });
  },
);

function pay(authorization: string, body: object): Promise<Response> {
  return fetch(payments, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function someone(sub: string, scope?: string) {
  const authorization = `Bearer ${await issuer.issue({ sub, ...(scope && { scope }) })}`;
  return {
    pay: (body: object) => pay(authorization, body),
    list: () => fetch(payments, { headers: { authorization } }),
  };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
