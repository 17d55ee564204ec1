import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StartedRelyingService } from '@countersign/service-host';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { startGateway } from './start-gateway.js';

describe('the gateway from start to stop', () => {
  let issuer: TestIssuer;
  let upstream: Server;

  beforeEach(async () => {
    issuer = await startTestIssuer();
    upstream = createServer((request, response) => {
      const wait = request.url === '/orders/slow' ? 700 : 0;
      setTimeout(() => response.end(JSON.stringify(request.headers)), wait);
    });
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
  });

  afterEach(async () => {
    upstream.close();
    upstream.closeAllConnections();
    await issuer.stop();
  });

  test('opens its port when it can verify, and not before', async () => {
    await issuer.stopServing();
    const gateway = await start();
    const early = await ready(gateway);
    expect(early.status).toBe(503);
    await expect(early.json()).resolves.toMatchObject({
      missing: expect.arrayContaining(['the public port is not open']),
    });
    expect(gateway.port).toBeUndefined();
    await issuer.resume();
    await until(async () => (await ready(gateway)).status === 200);
    expect((await fetch(`${originOf(gateway)}/auth/me`)).status).toBe(200);
    await gateway.stop();
  });

  test('believes X-Forwarded-* of a trusted proxy, and of nobody else', async () => {
    const sent = {
      'x-forwarded-for': '10.9.9.9, 203.0.113.7',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-user': 'admin',
    };
    const gateway = await start({ TRUSTED_PROXIES: '127.0.0.0/8' });
    await until(async () => (await ready(gateway)).status === 200);
    const answer = await fetch(`${originOf(gateway)}/auth/me`, { headers: sent });
    const received = (await answer.json()) as Record<string, string>;
    expect(received).toMatchObject({
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
    });
    expect(received).not.toHaveProperty('x-forwarded-user');
    await gateway.stop();

    const elsewhere = await start({ TRUSTED_PROXIES: '192.0.2.0/24' });
    await until(async () => (await ready(elsewhere)).status === 200);
    const ignored = await fetch(`${originOf(elsewhere)}/auth/me`, { headers: sent });
    await expect(ignored.json()).resolves.toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(originOf(elsewhere)).host,
    });
    await elsewhere.stop();
  });

  test('goes on while an upstream or the issuer is away', async () => {
    const gateway = await start({ PAYMENTS_URL: 'http://127.0.0.1:9' });
    await until(async () => (await ready(gateway)).status === 200);
    const headers = { authorization: `Bearer ${await issuer.issue()}` };
    await issuer.stopServing();
    const away = await fetch(`${originOf(gateway)}/payments`, { headers });
    expect(away.status).toBe(503);
    expect(away.headers.get('retry-after')).toBe('5');
    await expect(away.json()).resolves.toMatchObject({ code: 'upstream_unavailable' });
    expect((await fetch(`${originOf(gateway)}/orders`, { headers })).status).toBe(200);
    const page = await (await fetch(`${originOf(gateway)}/`)).text();
    expect(page).toMatch('payments</td><td>does not answer');
    expect(page).toMatch('orders</td><td>answers');
    await gateway.stop();
  });

  test('stops while a connection is idle, and finishes a request that is under way', async () => {
    const gateway = await start();
    await until(async () => (await ready(gateway)).status === 200);
    const origin = originOf(gateway);
    const headers = { authorization: `Bearer ${await issuer.issue()}` };
    const idle = connect(Number(new URL(origin).port), '127.0.0.1');
    idle.write('GET /auth/me HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await once(idle, 'data');
    const idleClosed = once(idle, 'close');
    const underWay = once(upstream, 'request');
    const slow = fetch(`${origin}/orders/slow`, { headers });
    await underWay;

    const began = performance.now();
    const stopped = gateway.stop();
    expect((await slow).status).toBe(200);
    await Promise.all([idleClosed, stopped]);
    expect(performance.now() - began).toBeLessThan(4_000);
    await expect(fetch(origin)).rejects.toThrow();
    expect(issuer.checkIns.at(-1)).toMatchObject({ goodbye: true });
  });

  function start(more: Record<string, string> = {}): Promise<StartedRelyingService> {
    const url = `http://127.0.0.1:${String((upstream.address() as AddressInfo).port)}`;
    return startGateway({
      ...issuer.environment,
      PORT: '0',
      MANAGEMENT_PORT: '0',
      IDENTITY_URL: url,
      ORDERS_URL: url,
      PAYMENTS_URL: url,
      LOG_LEVEL: 'fatal',
      ...more,
    });
  }
});

function originOf(gateway: StartedRelyingService): string {
  return `http://127.0.0.1:${String(gateway.port)}`;
}

function ready({ managementPort }: StartedRelyingService): Promise<Response> {
  return fetch(`http://127.0.0.1:${String(managementPort)}/health/ready`);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
