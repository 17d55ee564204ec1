import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { until } from '../stack.js';
import { IDENTITIES, Town } from './town.js';

jest.setTimeout(240_000);

let town: Town;
beforeAll(async () => {
  town = await Town.start();
});
afterAll(() => town.stop());
afterEach(() => town.rest());

it('nothing is broken: every logout has its receipts', async () => {
  const tokens = await town.signIn(8);
  town.startProbing();
  await delay(500);
  const had = await town.logoutsWithReceipts(4, tokens.slice(0, 7));
  expect(await town.judge()).toEqual([]);
  expect(had).toBe(4);
});

it('a service is killed while it replays', async () => {
  const tokens = await town.signIn(4);
  town.startProbing();
  await town.stack.endApp('payments', 'SIGKILL');
  await town.logout(tokens[0]!);
  const midway = town.road.holdNext(
    ({ service, path }) => service === 'payments' && path.startsWith('/revocations'),
  );
  town.stack.launch('payments');
  await midway;
  expect(['unreachable', 'unavailable']).toContain(await town.answerOf('payments', tokens[1]!));
  await town.stack.endApp('payments', 'SIGKILL');
  await town.logout(tokens[1]!);
  await town.stack.startApp('payments');
  await town.logout(tokens[2]!);
  expect(await town.judge()).toEqual([]);
});

it('a replica of identity is killed while people log out through it', async () => {
  const tokens = await town.signIn(8);
  town.startProbing();
  const logouts = town.logoutAll(tokens.slice(0, 6), 'identity-a');
  await delay(60);
  await town.stack.endApp('identity-a', 'SIGKILL');
  await logouts;
  await town.logout(tokens[6]!, 'identity-b');
  await town.startIdentity('identity-a');
  expect(await town.judge()).toEqual([]);
});

it('a replica of identity that all services listen to hangs for ten seconds, and goes on', async () => {
  await town.letAllFollow('identity-a');
  const tokens = await town.signIn(5);
  town.startProbing();
  town.signal('identity-a', 'SIGSTOP');
  await town.logoutAll(tokens.slice(0, 3), 'identity-b');
  await delay(10_000);
  town.signal('identity-a', 'SIGCONT');
  await town.logout(tokens[3]!, 'identity-a');
  expect(await town.judge()).toEqual([]);
});

it('all of identity is away for longer than the hard limit: services refuse to guess, and come back', async () => {
  const tokens = await town.signIn(4);
  town.startProbing();
  for (const name of IDENTITIES) town.signal(name, 'SIGSTOP');
  await until(async () => (await town.answerOf('orders', tokens[0]!)) === 'unavailable', 30_000);
  for (const name of IDENTITIES) town.signal(name, 'SIGCONT');
  await town.logout(tokens[0]!);
  expect(await town.judge()).toEqual([]);
});

it('the clocks of the replicas are thirty seconds wrong, one way and the other', async () => {
  for (const [name, seconds] of [
    ['identity-a', 30],
    ['identity-b', -30],
  ] as const) {
    await town.stack.endApp(name);
    await town.startIdentity(name, town.skewedBy(seconds));
  }
  const tokens = [...(await town.signIn(3, 'identity-a')), ...(await town.signIn(3, 'identity-b'))];
  town.startProbing();
  await delay(300);
  await town.logout(tokens[0]!, 'identity-b');
  await town.logout(tokens[3]!, 'identity-a');
  const broken = await town.judge();
  for (const name of IDENTITIES) {
    await town.stack.endApp(name);
    await town.startIdentity(name);
  }
  expect(broken).toEqual([]);
});
