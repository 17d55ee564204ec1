import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { until } from '../stack.js';
import { TcpLink } from './tcp-link.js';
import { Town } from './town.js';

jest.setTimeout(240_000);

let town: Town;
beforeAll(async () => {
  town = await Town.start();
});
afterAll(() => town.stop());
afterEach(() => town.rest());

it('one service is cut off for a short time', async () => {
  const tokens = await town.signIn(4);
  town.startProbing();
  town.road.closeTo(({ service }) => service === 'payments');
  await town.logoutAll(tokens.slice(0, 2));
  await delay(1_000);
  town.road.openToAll();
  await town.logout(tokens[2]!);
  expect(await town.judge()).toEqual([]);
});

it('one service is cut off for longer than the hard limit: it refuses to guess, the others do not notice', async () => {
  const tokens = await town.signIn(3);
  town.startProbing();
  town.road.closeTo(({ service }) => service === 'payments');
  await town.logout(tokens[0]!);
  await until(async () => (await town.answerOf('payments', tokens[1]!)) === 'unavailable', 30_000);
  expect(await town.answerOf('orders', tokens[1]!)).toBe('accepted');
  expect(await town.answerOf('orders', tokens[0]!)).toBe('refused');
  town.road.openToAll();
  expect(await town.judge()).toEqual([]);
});

it('one service is cut off from check-ins only: it hears of revocations, and nobody claims that it has', async () => {
  const tokens = await town.signIn(4);
  town.startProbing();
  town.road.closeTo(
    ({ service, path }) => service === 'payments' && path.startsWith('/relying-services/check-in'),
  );
  const { status } = await town.logout(tokens[0]!);
  expect(status).toBe('pending');
  await until(async () => (await town.answerOf('payments', tokens[0]!)) === 'refused', 20_000);
  town.road.openToAll();
  await town.logout(tokens[1]!);
  expect(await town.judge()).toEqual([]);
});

it('a replica of identity is cut off from Postgres: no heartbeat comes from it, and services find the other', async () => {
  const { port, hostname } = new URL(town.stack.databaseUrl);
  expect(hostname).toMatch(/^(127\.0\.0\.1|localhost)$/);
  const link = await TcpLink.to(Number(port));
  const throughLink = new URL(town.stack.databaseUrl);
  throughLink.hostname = '127.0.0.1';
  throughLink.port = String(link.port);
  try {
    await town.stack.endApp('identity-a');
    await town.startIdentity('identity-a', { DATABASE_URL: throughLink.toString() });
    await town.letAllFollow('identity-a');
    const tokens = await town.signIn(4, 'identity-b');
    town.startProbing();
    const heartbeats = await town.heartbeatsFrom('identity-a');
    await until(() => heartbeats.length > 1, 20_000);
    link.cut();
    const cutAt = performance.now();
    await town.logout(tokens[0]!, 'identity-b');
    expect((await town.logout(tokens[3]!, 'identity-a')).status).toBe('failed');
    await delay(8_000);
    await town.logout(tokens[1]!, 'identity-b');
    expect(await town.judge()).toEqual([]);
    // One may have been under way.
    expect(heartbeats.filter((came) => came > cutAt + 3_000)).toEqual([]);
  } finally {
    await town.stack.endApp('identity-a', 'SIGKILL');
    link.close();
    await town.startIdentity('identity-a');
  }
});

it('Postgres is restarted', async () => {
  const tokens = await town.signIn(4);
  town.startProbing();
  await town.logout(tokens[0]!);
  await town.stack.postgres.halt();
  expect((await town.logout(tokens[1]!)).status).toBe('failed');
  await delay(1_500);
  await town.stack.postgres.resume();
  await until(async () => (await town.logout(tokens[2]!)).status !== 'failed', 30_000);
  expect(await town.judge()).toEqual([]);
});
