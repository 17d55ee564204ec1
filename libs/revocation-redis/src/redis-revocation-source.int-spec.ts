import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis } from '@countersign/test-kit';
import type { RevocationSource } from '@countersign/token-verifier';
import type { Redis } from 'ioredis';
import { Reader, startRoad, Truth, until } from '../test/truth.js';
import { DEFAULT_STREAM, RedisRevocationSource } from './index.js';

let server: ThrowAwayRedis;
let truth: Truth;
let redis: Redis;
const sources: RevocationSource[] = [];

beforeAll(async () => {
  server = await startThrowAwayRedis();
});
beforeEach(async () => {
  truth = new Truth(server.url);
  redis = await truth.connect();
  await redis.flushall();
});
afterEach(async () => {
  for (const source of sources.splice(0)) await source.close();
  truth.close();
});
afterAll(() => server.stop());

function follow(url = server.url): { reader: Reader; source: RevocationSource } {
  const reader = new Reader();
  // What the verifier takes.
  const source: RevocationSource = new RedisRevocationSource({ url });
  sources.push(source);
  source.start({ ...sinkOf(reader), position: () => reader.replica.position });
  return { reader, source };
}

function sinkOf(reader: Reader) {
  return { receive: reader.receive, drop: () => reader.drop() };
}

it('a reader that starts cold has everything before it is fresh, and what comes then at once', async () => {
  truth.revokeMany(1_700, 'before');
  truth.revoke('stolen', 'kid');
  const writer = await truth.emitted(1, 1);
  const { reader } = follow();
  await until(() => reader.isFresh, 'the reader is fresh');
  expect([reader.refuses('before-0'), reader.refuses('before-1699')]).toEqual([true, true]);
  expect(reader.refusesKey('stolen')).toBe(true);
  expect(reader.replica.position).toEqual({ epoch: 1, seq: 1_701 });

  await writer.append([truth.revoke('now')]);
  await until(() => reader.refuses('now'), 'the new one is known');
  expect(reader.refuses('never')).toBe(false);
});

it('an empty stream never means that nothing is revoked', async () => {
  const { reader, source } = follow();
  await until(() => source.state().lastError !== undefined, 'the source says why');
  expect(source.state()).toEqual({ connected: false, lastError: 'the stream in Redis is empty' });
  expect(reader.isFresh).toBe(false);
  expect(reader.replica.position).toBeUndefined();
});

it('a stream that somebody trimmed is not taken for complete before its writer has noticed', async () => {
  truth.revokeMany(50, 'gone');
  const writer = await truth.emitted(1, 1);
  await redis.xtrim(DEFAULT_STREAM, 'MAXLEN', 10);
  const { reader, source } = follow();
  await until(() => source.state().lastError?.includes('10 of 53') ?? false, 'it counts');
  expect(reader.isFresh).toBe(false);
  await truth.emitAll(writer, 2);
  await until(() => reader.isFresh, 'the reader is fresh');
  expect(reader.refuses('gone-0')).toBe(true);
});

it('a re-emission under way is waited for', async () => {
  truth.revoke('a');
  const writer = await truth.writer(1);
  await writer.adopt(truth.head);
  await writer.begin(1, truth.head);
  await truth.beat(writer);
  const { reader, source } = follow();
  await until(() => source.state().lastError?.includes('anew') ?? false, 'it says so');
  await writer.append(truth.events);
  await writer.end(truth.head);
  expect(reader.isFresh).toBe(false);
  await truth.beat(writer);
  await until(() => reader.isFresh, 'the reader is fresh');
  expect(reader.refuses('a')).toBe(true);
});

it('after a flush the old set stays in force, and the new generation is followed', async () => {
  truth.revoke('a');
  const writer = await truth.emitted(1, 1);
  const { reader } = follow();
  await until(() => reader.isFresh, 'the reader is fresh');
  await redis.flushall();
  expect(reader.refuses('a')).toBe(true);
  truth.revoke('b');
  await truth.emitAll(writer, 2);
  await until(() => reader.refuses('b'), 'the new generation has come');
  await writer.append([truth.revoke('c')]);
  await until(() => reader.replica.position?.seq === 3, 'the stream goes on');
  expect(reader.refuses('a')).toBe(true);
});

it('Redis restarted empty, and Redis restored from an older dump, lose nothing', async () => {
  const own = await startThrowAwayRedis();
  const world = new Truth(own.url);
  try {
    world.revoke('a');
    await world.emitted(1, 1);
    const admin = await world.connect();
    await admin.save();
    await rename(join(own.folder, 'dump.rdb'), join(own.folder, 'older.rdb'));
    const { reader } = follow(own.url);
    await until(() => reader.isFresh, 'the reader is fresh');

    const restart = async (term: number, generation: number) => {
      await own.halt();
      await own.resume();
      const writer = await world.writer(term);
      await writer.adopt(world.head);
      await world.emitAll(writer, generation);
      return writer;
    };
    world.revoke('b');
    await restart(2, 2);
    await until(() => reader.refuses('b'), 'b has come after the empty start');

    await own.halt();
    await copyFile(join(own.folder, 'older.rdb'), join(own.folder, 'dump.rdb'));
    await own.resume();
    // Nobody writes yet: the copy holds less than is known, and takes nothing away.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([reader.refuses('a'), reader.refuses('b')]).toEqual([true, true]);
    world.revoke('c');
    const writer = await world.writer(3);
    expect((await writer.adopt(world.head)).position).toEqual({ epoch: 1, seq: 1 });
    await world.emitAll(writer, 3);
    await until(() => reader.refuses('c'), 'c has come after the restore');
    expect(reader.replica.position).toEqual({ epoch: 1, seq: 3 });
  } finally {
    await sources.pop()?.close();
    world.close();
    await own.stop();
  }
});

it('a lagging copy that was promoted, with ids that go back, hides nothing from a reader', async () => {
  truth.revoke('a');
  const writer = await truth.emitted(1, 1);
  const copy = await redis.dumpBuffer(DEFAULT_STREAM);
  const state = await redis.dumpBuffer(`${DEFAULT_STREAM}:relay`);
  await writer.append([truth.revoke('b')]);
  // What the reader saw last lies in the future of the promoted server's clock.
  await redis.xadd(DEFAULT_STREAM, `${String(Date.now() + 60_000)}-0`, 'unknown', 'x');
  const { reader, source } = follow();
  await until(() => reader.refuses('b'), 'b is known');
  await redis.restore(DEFAULT_STREAM, 0, copy, 'REPLACE');
  await redis.restore(`${DEFAULT_STREAM}:relay`, 0, state, 'REPLACE');

  const next = await truth.writer(2);
  await next.adopt(truth.head);
  await next.append(truth.events.slice(1));
  await next.append([truth.revoke('c')]);
  await truth.beat(next);
  await until(() => reader.refuses('c'), 'c is known');
  await until(() => source.state().connected, 'it follows again');
});

it('duplicates, and entries in the wrong order, change nothing', async () => {
  const writer = await truth.emitted(1, 1);
  const { reader } = follow();
  await until(() => reader.isFresh, 'the reader is fresh');
  const [a, b, c] = [truth.revoke('a'), truth.revoke('b'), truth.revoke('c')];
  await writer.append([c, a, b, a]);
  await until(() => ['a', 'b', 'c'].every((id) => reader.refuses(id)), 'all three are known');
  expect(reader.replica.position).toEqual({ epoch: 1, seq: 2 });
  await writer.append([c, a, c]);
  await truth.beat(writer);
  await until(() => reader.replica.position?.seq === 3, 'all are in place');
});

it('a replay after a gap that is cut off half-way is begun again', async () => {
  const road = await startRoad(server.port);
  const writer = await truth.emitted(1, 1);
  const reader = new Reader();
  const source = new RedisRevocationSource({ url: road.url });
  sources.push(source);
  let replays = 0;
  source.start({
    drop: () => reader.drop(),
    receive: (frame) => {
      if (frame.type === 'begin' && (replays += 1) === 2) {
        road.cut();
        setTimeout(road.mend, 100);
      }
      return reader.receive(frame);
    },
  });
  await until(() => reader.isFresh, 'the reader is fresh');
  // What is read again on a new connection must not reach back to the mark at the beginning of the stream.
  for (let second = 0; second < 6; second += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await truth.beat(writer);
  }
  const [a, b, c] = [truth.revoke('a'), truth.revoke('b'), truth.revoke('c')];
  await writer.append([c, a, b, a]);
  await truth.beat(writer);
  await until(() => replays === 2 && !source.state().connected, 'the replay is cut off');
  await until(() => source.state().connected, 'the source has come back');
  await truth.beat(writer);
  await until(() => reader.replica.position?.seq === 3, 'all are in place');
  await source.close();
  await road.close();
});

it('entries trimmed while a reader was held up are a gap, and everything is read again', async () => {
  const road = await startRoad(server.port);
  const writer = await truth.emitted(1, 1);
  const { reader, source } = follow(road.url);
  await until(() => reader.isFresh, 'the reader is fresh');
  road.hold();
  await writer.append([truth.revoke('under way')]);
  await writer.append(truth.revokeMany(300, 'trimmed'));
  await new Promise((resolve) => setTimeout(resolve, 3_200));
  await writer.append([truth.revoke('live')]);
  await truth.beat(writer, { retentionSeconds: 3, permanent: [] });
  expect((await redis.xrange(DEFAULT_STREAM, '-', '+')).length).toBeLessThan(200);
  road.release();
  await until(() => reader.replica.position?.seq === 302, 'it has read everything again');
  expect([reader.refuses('under way'), reader.refuses('live')]).toEqual([true, true]);
  await source.close();
  await road.close();
});

it('a reader that was cut off for longer than the retention reads everything again', async () => {
  const road = await startRoad(server.port);
  const writer = await truth.emitted(1, 1);
  const { reader, source } = follow(road.url);
  await until(() => reader.isFresh, 'the reader is fresh');
  road.cut();
  await writer.append(truth.revokeMany(300, 'ended'));
  await new Promise((resolve) => setTimeout(resolve, 3_200));
  await writer.append([truth.revoke('live')]);
  await truth.beat(writer, { retentionSeconds: 3, permanent: [] });
  expect(source.state().connected).toBe(false);
  expect(reader.refuses('live')).toBe(false);
  road.mend();
  await until(() => reader.replica.position?.seq === 301, 'it has caught up');
  expect(reader.refuses('live')).toBe(true);
  await source.close();
  await road.close();
});

it('an entry that cannot be read is counted, and its place is never taken for filled', async () => {
  await truth.emitted(1, 1);
  const { reader } = follow();
  await until(() => reader.isFresh, 'the reader is fresh');
  await redis.xadd(DEFAULT_STREAM, '*', 'r', '{"e":1,"s":1,"k":"sid"}');
  await redis.xadd(DEFAULT_STREAM, '*', 'r', 'not JSON');
  await redis.xadd(DEFAULT_STREAM, '*', 'of a later version', '{}');
  await until(() => reader.dropped >= 2, 'they are counted');
  expect(reader.replica.position).toEqual({ epoch: 1, seq: 0 });
});

it('while Redis hangs for ten seconds nothing is lost, and it goes on by itself', async () => {
  const writer = await truth.emitted(1, 1);
  const { reader, source } = follow();
  await until(() => reader.isFresh, 'the reader is fresh');
  server.freeze();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  expect(source.state().connected).toBe(false);
  server.thaw();
  const event = truth.revoke('a');
  await writer.append([event]).catch(() => undefined);
  await until(() => reader.refuses('a'), 'the revocation has come');
});

it('a log of a source does not tell its password', () => {
  const source = new RedisRevocationSource({
    url: 'redis://a:in-url@127.0.0.1',
    password: 'given-apart',
  });
  expect(inspect(source, { depth: Infinity }) + JSON.stringify(source)).not.toMatch(
    /in-url|given-apart/,
  );
});

it('a stop does not wait for anything', async () => {
  await truth.emitted(1, 1);
  const { reader, source } = follow();
  await until(() => reader.isFresh, 'the reader is fresh');
  const began = performance.now();
  await source.close();
  expect(performance.now() - began).toBeLessThan(3_000);
});

it('twenty thousand entries are read without holding up the process', async () => {
  truth.revokeMany(20_000, 'many');
  await truth.emitted(1, 1);
  let longest = 0;
  // Of its own work: a busy machine may take the processor away for longer.
  let last = process.cpuUsage();
  const watch = setInterval(() => {
    const { user, system } = process.cpuUsage(last);
    longest = Math.max(longest, (user + system) / 1_000);
    last = process.cpuUsage();
  }, 1);
  const { reader } = follow();
  await until(() => reader.isFresh, 'the reader is fresh');
  clearInterval(watch);
  expect(reader.refuses('many-19999')).toBe(true);
  // Milliseconds. Measured alone: a few; in one piece it would be more than that.
  expect(longest).toBeLessThan(500);
});
