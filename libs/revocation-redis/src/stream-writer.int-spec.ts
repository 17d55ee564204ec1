import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis } from '@countersign/test-kit';
import type { Redis } from 'ioredis';
import { Truth } from '../test/truth.js';
import { DEFAULT_STREAM } from './index.js';

let server: ThrowAwayRedis;
let truth: Truth;
let redis: Redis;

beforeAll(async () => {
  server = await startThrowAwayRedis();
});
beforeEach(async () => {
  truth = new Truth(server.url);
  redis = await truth.connect();
  await redis.flushall();
});
afterEach(() => truth.close());
afterAll(() => server.stop());

it('each revocation is one entry with one field', async () => {
  truth.revoke('a');
  const writer = await truth.emitted(1, 1);
  await writer.append([truth.revoke('b')]);
  const entries = await redis.xrange(DEFAULT_STREAM, '-', '+');
  expect(entries.map(([, fields]) => fields[0])).toEqual(['b', 'r', 'e', 'h', 'r']);
  expect(entries.every(([, fields]) => fields.length === 2)).toBe(true);
});

it('a writer of an earlier term is refused, whatever it writes, and nothing of it is in the stream', async () => {
  const old = await truth.emitted(1, 1);
  await old.append([truth.revoke('a')]);
  const next = await truth.writer(2);
  await next.adopt(truth.head);
  const before = await redis.xlen(DEFAULT_STREAM);

  const fenced = { name: 'WriteRefused', verdict: 'fenced', detail: '2' };
  await expect(old.append([truth.revoke('b')])).rejects.toMatchObject(fenced);
  await expect(truth.beat(old)).rejects.toMatchObject(fenced);
  await expect(old.begin(9, truth.head)).rejects.toMatchObject(fenced);
  await expect(old.adopt(truth.head)).rejects.toMatchObject(fenced);
  expect(await redis.xlen(DEFAULT_STREAM)).toBe(before);
});

it('the next leader goes on where the last one stopped', async () => {
  const first = await truth.emitted(1, 1);
  await first.append([truth.revoke('a')]);
  const next = await truth.writer(2);
  expect(await next.adopt(truth.head)).toMatchObject({
    generation: 1,
    position: { epoch: 1, seq: 1 },
    complete: true,
  });
  await next.append([truth.revoke('b')]);
});

it('a re-emission that was not finished is not complete for the next leader', async () => {
  const first = await truth.writer(1);
  await first.adopt(truth.head);
  await first.begin(1, truth.head);
  const next = await truth.writer(2);
  expect(await next.adopt(truth.head)).toMatchObject({ complete: false });
});

it.each<[string, () => Promise<unknown>]>([
  ['flushed', () => redis.flushall()],
  ['deleted', () => redis.del(DEFAULT_STREAM)],
  ['emptied', () => redis.xtrim(DEFAULT_STREAM, 'MAXLEN', 0)],
  ['trimmed by somebody else', () => redis.xtrim(DEFAULT_STREAM, 'MAXLEN', 2)],
  ['written to by somebody else', () => redis.xadd(DEFAULT_STREAM, '*', 'h', '{}')],
  [
    'robbed of an entry',
    async () => {
      const [, second] = await redis.xrange(DEFAULT_STREAM, '-', '+');
      await redis.xdel(DEFAULT_STREAM, second![0]);
    },
  ],
])('a stream that was %s is noticed in the next write, which does nothing', async (_, harm) => {
  const writer = await truth.emitted(1, 1);
  await writer.append([truth.revoke('a')]);
  await harm();
  const before = await redis.xlen(DEFAULT_STREAM);
  await expect(truth.beat(writer)).rejects.toMatchObject({ verdict: 'lost' });
  expect(await redis.xlen(DEFAULT_STREAM)).toBe(before);
});

it('an older copy of the whole store is noticed, by the writer and by one who knows what was written', async () => {
  const writer = await truth.emitted(1, 1);
  const copies = await Promise.all(
    [DEFAULT_STREAM, `${DEFAULT_STREAM}:relay`].map(
      async (key) => [key, await redis.dumpBuffer(key)] as const,
    ),
  );
  await writer.append([truth.revoke('a')]);
  for (const [key, copy] of copies) await redis.restore(key, 0, copy, 'REPLACE');
  await expect(truth.beat(writer)).rejects.toMatchObject({ verdict: 'lost' });

  const again = await truth.writer(2);
  expect(await again.adopt(truth.head, writer.state)).toMatchObject({ complete: false });
  const stranger = await truth.writer(3);
  expect(await stranger.adopt(truth.head)).toMatchObject({ position: { seq: 0 }, complete: true });
});

it('a writer of an earlier epoch is refused, even with a later term', async () => {
  truth.epoch = 2;
  await truth.emitted(1, 1);
  truth.epoch = 1;
  const writer = await truth.writer(7);
  await expect(writer.adopt(truth.head)).rejects.toMatchObject({
    verdict: 'behind',
    detail: '2.0',
  });
});

it('a finished re-emission takes the place of everything before it', async () => {
  truth.revokeMany(250, 'many');
  const writer = await truth.emitted(1, 1);
  await redis.xadd(DEFAULT_STREAM, '*', 'r', 'junk');
  await truth.emitAll(writer, 2);
  const entries = await redis.xrange(DEFAULT_STREAM, '-', '+');
  expect(entries).toHaveLength(253);
  expect(entries[0]?.[1]).toEqual(['b', '{"e":1,"h":250,"g":2}']);
});

it('a heartbeat that comes a second late is none', async () => {
  const writer = await truth.emitted(1, 1);
  const longAgo = performance.now() - 1_500;
  await expect(writer.heartbeat(truth.heartbeat(), longAgo)).rejects.toMatchObject({
    verdict: 'late',
  });
  await truth.beat(writer);
});

describe('trimming', () => {
  const ids = async () =>
    (await redis.xrange(DEFAULT_STREAM, '-', '+')).map(
      ([, fields]) => (JSON.parse(fields[1]!) as { i?: string }).i,
    );

  it('drops what has ended, and keeps keys that were revoked, which never ends', async () => {
    const permanent = [truth.revoke('stolen-key', 'kid')];
    truth.revokeMany(300, 'old');
    const writer = await truth.emitted(1, 1);
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    await writer.append([truth.revoke('young')]);
    await truth.beat(writer, { retentionSeconds: 3, permanent });
    const kept = await ids();
    expect(kept).not.toContain('old-0');
    expect(kept).toEqual(expect.arrayContaining(['stolen-key', 'young']));

    // And again, when what was added again has grown old itself.
    await writer.append(truth.revokeMany(200, 'later'));
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    await truth.beat(writer, { retentionSeconds: 3, permanent });
    expect(await ids()).toContain('stolen-key');
    await truth.beat(writer);
  });

  it('never goes by a Redis clock that is ahead of the database', async () => {
    truth.revokeMany(300, 'old');
    const writer = await truth.emitted(1, 1);
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    const behind = { ...truth.heartbeat(), readAt: Date.now() / 1000 - 60 };
    await writer.heartbeat(behind, performance.now(), { retentionSeconds: 3, permanent: [] });
    expect(await ids()).toContain('old-0');
  });
});
