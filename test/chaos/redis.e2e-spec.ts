import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_STREAM } from '@countersign/revocation-redis';
import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis } from '@countersign/test-kit';
import { jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { until } from '../stack.js';
import { TcpLink } from './tcp-link.js';
import { IDENTITIES, Town } from './town.js';

jest.setTimeout(240_000);

let redis: ThrowAwayRedis;
/** Every process reaches Redis by the first link, payments by the second. */
let link: TcpLink;
let linkOfPayments: TcpLink;
let town: Town;

const urlOf = ({ port }: { readonly port: number }) => `redis://127.0.0.1:${String(port)}`;

beforeAll(async () => {
  redis = await startThrowAwayRedis();
  link = await TcpLink.to(redis.port);
  linkOfPayments = await TcpLink.to(link.port);
  town = await Town.start(
    { REDIS_URL: urlOf(link) },
    { payments: { REDIS_URL: urlOf(linkOfPayments) } },
  );
});
afterEach(() => town.rest());
afterAll(async () => {
  await town.stop();
  linkOfPayments.close();
  link.close();
  await redis.stop();
});

async function inRedis<T>(work: (client: Redis) => Promise<T>, at = redis.port): Promise<T> {
  const client = new Redis({ host: '127.0.0.1', port: at, lazyConnect: true });
  try {
    await client.connect();
    return await work(client);
  } finally {
    client.disconnect();
  }
}

it('Redis is away, and the feed covers for it', async () => {
  const tokens = await town.signIn(7);
  town.startProbing();
  await redis.halt();
  const had = await town.logoutsWithReceipts(1, tokens.slice(4));
  await delay(8_000);
  expect(await town.answerOf('orders', tokens[3]!)).toBe('accepted');
  await redis.resume();
  await town.logout(tokens[1]!);
  expect(await town.judge()).toEqual([]);
  expect(had).toBe(1);
});

describe('with Redis alone, since the feed is closed', () => {
  beforeAll(async () => {
    town.road.closeTo(({ path }) => path.startsWith('/revocations'));
    // Who has lost Redis in the test before tries again in growing intervals.
    await town.untilReceipts(30_000);
    await town.rest();
  });
  beforeEach(() => {
    town.road.closeTo(({ path }) => path.startsWith('/revocations'));
  });

  it('nothing is broken: every logout has its receipts', async () => {
    const tokens = await town.signIn(8);
    town.startProbing();
    const had = await town.logoutsWithReceipts(4, tokens.slice(0, 7));
    expect(await town.judge()).toEqual([]);
    expect(had).toBe(4);
  });

  const otherThan = (leader: string) => IDENTITIES.find((name) => name !== leader)!;

  it('the leader of the relay is killed', async () => {
    const leader = await town.relayLeader();
    const other = otherThan(leader);
    const tokens = await town.signIn(4, other);
    town.startProbing();
    await town.stack.endApp(leader, 'SIGKILL');
    await town.logout(tokens[0]!, other);
    expect(await town.relayLeader()).toBe(other);
    await town.logout(tokens[1]!, other);
    await town.startIdentity(leader);
    await town.logout(tokens[2]!, leader);
    expect(await town.judge()).toEqual([]);
  });

  it('the leader hangs for ten seconds, and goes on as if nothing had happened', async () => {
    const leader = await town.relayLeader();
    const other = otherThan(leader);
    const tokens = await town.signIn(4, other);
    town.startProbing();
    town.signal(leader, 'SIGSTOP');
    const tenSeconds = delay(10_000);
    try {
      await town.logout(tokens[0]!, other);
      expect(await town.relayLeader()).toBe(other);
      await town.logout(tokens[1]!, other);
      await tenSeconds;
    } finally {
      town.signal(leader, 'SIGCONT');
    }
    await town.logout(tokens[2]!, leader);
    expect(await town.judge()).toEqual([]);
  });

  it('Redis hangs for ten seconds', async () => {
    const tokens = await town.signIn(4);
    town.startProbing();
    redis.freeze();
    await town.logoutAll(tokens.slice(0, 2));
    await delay(10_000);
    redis.thaw();
    await town.logout(tokens[2]!);
    expect(await town.judge()).toEqual([]);
  });

  it('Redis is flushed', async () => {
    const tokens = await town.signIn(4);
    town.startProbing();
    await town.logout(tokens[0]!);
    await inRedis((client) => client.flushall());
    await town.logout(tokens[1]!);
    await inRedis((client) => client.flushall());
    expect(await town.judge()).toEqual([]);
  });

  it('Redis is restarted, and is empty', async () => {
    const tokens = await town.signIn(4);
    town.startProbing();
    await town.logout(tokens[0]!);
    await redis.halt();
    await town.logout(tokens[1]!);
    await redis.resume();
    await town.logout(tokens[2]!);
    expect(await town.judge()).toEqual([]);
  });

  it('an older dump of Redis is restored', async () => {
    const tokens = await town.signIn(5);
    town.startProbing();
    await town.logout(tokens[0]!);
    await inRedis((client) => client.save());
    await copyFile(join(redis.folder, 'dump.rdb'), join(redis.folder, 'older.rdb'));
    await town.logoutAll(tokens.slice(1, 3));
    await redis.halt();
    await copyFile(join(redis.folder, 'older.rdb'), join(redis.folder, 'dump.rdb'));
    await redis.resume();
    await town.logout(tokens[3]!);
    expect(await town.judge()).toEqual([]);
  });

  it('a replica of Redis that lags behind is promoted', async () => {
    const road = await TcpLink.to(redis.port);
    const replica = await startThrowAwayRedis({
      settings: { replicaof: `127.0.0.1 ${String(road.port)}` },
    });
    try {
      await until(
        async () => (await inRedis((client) => client.exists(DEFAULT_STREAM), replica.port)) === 1,
        20_000,
      );
      const tokens = await town.signIn(5);
      town.startProbing();
      await town.logout(tokens[0]!);
      road.cut();
      await town.logoutAll(tokens.slice(1, 3));
      link.cut();
      await inRedis((client) => client.replicaof('NO', 'ONE'), replica.port);
      link.mend(replica.port);
      await town.logout(tokens[3]!);
      expect(await town.judge()).toEqual([]);
    } finally {
      link.cut();
      link.mend(redis.port);
      await replica.stop();
      road.close();
    }
  });

  it('one service is cut off for longer than the stream reaches back', async () => {
    const tokens = await town.signIn(4);
    town.startProbing();
    linkOfPayments.cut();
    await town.logoutAll(tokens.slice(0, 2));
    await inRedis(async (client) => {
      const [last] = await client.xrevrange(DEFAULT_STREAM, '+', '-', 'COUNT', 1);
      await client.xtrim(DEFAULT_STREAM, 'MINID', last![0]);
    });
    await town.logout(tokens[2]!);
    linkOfPayments.mend();
    expect(await town.judge()).toEqual([]);
  });

  it('entries come twice and in the wrong order', async () => {
    const tokens = await town.signIn(4);
    town.startProbing();
    await town.logoutAll(tokens.slice(0, 2));
    await inRedis(async (client) => {
      const entries = await client.xrange(DEFAULT_STREAM, '-', '+');
      for (const [, fields] of [...entries, ...entries.reverse()].slice(-400))
        await client.xadd(DEFAULT_STREAM, '*', ...fields);
    });
    await town.logout(tokens[2]!);
    expect(await town.judge()).toEqual([]);
  });
});
