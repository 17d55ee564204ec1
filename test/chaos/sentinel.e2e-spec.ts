import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { until } from '../stack.js';
import { blocksOf, RedisInstallation } from './redis-installation.js';
import { Town } from './town.js';

jest.setTimeout(240_000);

let redis: RedisInstallation;
let town: Town;
const [readOnly = '', failOver = '', whoLeads = '', relayStatus = ''] = (
  blocksOf('sh')[1] ?? ''
).split('\n');

beforeAll(async () => {
  redis = await RedisInstallation.start();
  const verifier = redis.settings('verifier');
  town = await Town.start(redis.settings('relay'), { orders: verifier, payments: verifier });
});
beforeEach(async () => {
  const byRedisAlone = () => town.road.closeTo(({ path }) => path.startsWith('/revocations'));
  byRedisAlone();
  await town.untilReceipts(40_000);
  await town.rest();
  byRedisAlone();
});
afterEach(() => town.rest());
afterAll(async () => {
  await town.stop();
  await redis.stop();
});

const primaryPort = async () => Number((await redis.enter(whoLeads)).text.split('\n')[1]);

it('with TLS, users and Sentinel as documented: every logout has its receipts, and a verifier can only read', async () => {
  const tokens = await town.signIn(7);
  town.startProbing();
  const had = await town.logoutsWithReceipts(3, tokens.slice(0, 6));
  expect(await town.judge()).toEqual([]);
  expect(had).toBe(3);
  expect((await redis.enter(readOnly)).text).toMatch(/NOPERM/);
});

it('a failover that was asked for', async () => {
  const before = await primaryPort();
  const tokens = await town.signIn(4);
  town.startProbing();
  await town.logout(tokens[0]!);
  await until(async () => (await redis.enter(failOver)).text.startsWith('OK'), 20_000);
  await town.logout(tokens[1]!);
  await until(async () => (await primaryPort()) !== before, 30_000);
  await town.logout(tokens[2]!);
  expect(await town.judge()).toEqual([]);
  await town.untilReceipts(40_000);
  const token = await town.stack.addOperator('alice', ['read']);
  const operator = { ...town.operatorSettings('identity-a'), COUNTERSIGN_OPERATOR_TOKEN: token };
  const status = await town.stack.cli(relayStatus.split(' ').slice(1), operator);
  expect(status.out).toContain('led by');
});

it('the primary hangs, another one is promoted, and the old one goes on as if nothing had happened', async () => {
  const before = await primaryPort();
  const primary = redis.servers.find(({ port }) => port === before)!;
  const tokens = await town.signIn(5);
  town.startProbing();
  await town.logout(tokens[0]!);
  primary.freeze();
  await town.logout(tokens[1]!);
  await until(async () => (await primaryPort()) !== before, 30_000);
  await town.logout(tokens[2]!);
  primary.thaw();
  await delay(1_000);
  await town.logout(tokens[3]!);
  expect(await town.judge()).toEqual([]);
});
