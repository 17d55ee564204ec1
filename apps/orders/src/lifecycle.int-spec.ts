import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StartedRelyingService } from '@countersign/service-host';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { startOrders } from './start-orders.js';

describe('the service from start to stop', () => {
  let issuer: TestIssuer;

  beforeEach(async () => {
    issuer = await startTestIssuer();
  });

  afterEach(async () => {
    await issuer.stop();
  });

  test('starts without its issuer, says so, and becomes ready by itself', async () => {
    const headers = { authorization: `Bearer ${await issuer.issue()}` };
    await issuer.stopServing();
    const orders = await start(issuer);
    const { origin, ready } = addresses(orders);
    const early = await ready();
    expect(early.status).toBe(503);
    await expect(early.json()).resolves.toEqual({
      status: 'not ready',
      missing: [expect.stringMatching('^keys: '), expect.stringMatching('^revocations: ')],
    });
    const refused = await fetch(`${origin}/orders`, { headers });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    await expect(refused.json()).resolves.toMatchObject({ code: 'keys_unreachable' });
    expect((await fetch(`${origin}/orders`)).status).toBe(401);

    await issuer.resume();
    await until(async () => (await ready()).status === 200);
    expect((await fetch(`${origin}/orders`, { headers })).status).toBe(200);
    await orders.stop();
  });

  test('ready once, it stays ready without its issuer', async () => {
    const orders = await start(issuer);
    const { ready } = addresses(orders);
    await until(async () => (await ready()).status === 200);
    await issuer.stopServing();
    expect((await ready()).status).toBe(200);
    await orders.stop();
  });

  test('stops while a connection is idle, and finishes a request that is under way', async () => {
    const payments = createServer();
    payments.listen(0, '127.0.0.1');
    await once(payments, 'listening');
    const { port: paymentsPort } = payments.address() as AddressInfo;
    const orders = await start(issuer, {
      PAYMENTS_URL: `http://127.0.0.1:${String(paymentsPort)}`,
    });
    const { origin, ready } = addresses(orders);
    await until(async () => (await ready()).status === 200);
    const authorization = `Bearer ${await issuer.issue()}`;
    const placed = await fetch(`${origin}/orders`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"item":"a","amount_cents":1}',
    });
    const { id } = (await placed.json()) as { id: string };

    const idle = connect(orders.port!, '127.0.0.1');
    idle.write('GET /orders HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await once(idle, 'data');
    const idleClosed = once(idle, 'close');
    const slow = fetch(`${origin}/orders/${id}/pay`, {
      method: 'POST',
      headers: { authorization },
    });
    const [, answer] = (await once(payments, 'request')) as [IncomingMessage, ServerResponse];

    const began = performance.now();
    const stopped = orders.stop();
    expect((await ready()).status).toBe(503);
    answer.writeHead(201).end('{}');
    expect((await slow).status).toBe(200);
    await idleClosed;
    await stopped;
    expect(performance.now() - began).toBeLessThan(4_000);
    await expect(fetch(`${origin}/orders`)).rejects.toThrow();
    expect(issuer.checkIns.at(-1)).toMatchObject({ goodbye: true });
    payments.close();
    payments.closeAllConnections();
  });
});

function start(
  issuer: TestIssuer,
  more: Record<string, string> = {},
): Promise<StartedRelyingService> {
  return startOrders({
    ...issuer.environment,
    PORT: '0',
    MANAGEMENT_PORT: '0',
    PAYMENTS_URL: 'http://127.0.0.1:9',
    LOG_LEVEL: 'fatal',
    ...more,
  });
}

function addresses({ port, managementPort }: StartedRelyingService) {
  return {
    origin: `http://127.0.0.1:${String(port)}`,
    ready: () => fetch(`http://127.0.0.1:${String(managementPort)}/health/ready`),
  };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
