import { setTimeout as delay } from 'node:timers/promises';
import type { FeedFrame, RevocationEvent } from '@countersign/revocation';
import { RevocationReplica } from '@countersign/revocation';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';

afterAll(stopReplicas);

const revoke = (replica: Replica, id: string): Promise<RevocationEvent> =>
  replica.database.transaction((tx) => replica.get(RevocationLog).append(tx, { kind: 'sid', id }));
const all = async (replica: Replica) =>
  (await replica.get(RevocationLog).read({ epoch: 0, seq: 0 }, 10_000)).events;

it('fifty at once, one that is rolled back and one that stalls leave no hole and no disorder', async () => {
  const replica = await startReplica();
  const log = replica.get(RevocationLog);
  const rolledBack = replica.database.transaction(async (tx) => {
    await log.append(tx, { kind: 'sid', id: 'never' });
    throw new Error('changed my mind');
  });
  const stalled = replica.database.transaction(async (tx) => {
    const event = await log.append(tx, { kind: 'sid', id: 'slow' });
    await delay(200);
    return event;
  });
  const many = Array.from({ length: 50 }, (_, n) => revoke(replica, `s${String(n)}`));
  await expect(rolledBack).rejects.toThrow('changed my mind');
  await Promise.all([stalled, ...many]);
  const events = await all(replica);
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 51 }, (_, n) => n + 1));
  expect(events.map(({ id }) => id)).not.toContain('never');
  expect(await log.head()).toMatchObject({ epoch: 1, seq: 51 });
});

it('nobody can see an event before all earlier ones', async () => {
  const replica = await startReplica();
  const state = { writing: true };
  const writers = Promise.all(
    Array.from({ length: 40 }, (_, n) => revoke(replica, `s${String(n)}`)),
  ).finally(() => {
    state.writing = false;
  });
  while (state.writing) {
    const seqs = (await all(replica)).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  }
  await writers;
});

it('an entry outlives the longest lifetime ever in force, and is then no longer served', async () => {
  const replica = await startReplica();
  const log = replica.get(RevocationLog);
  await log.noteLifetime(900);
  await log.noteLifetime(300);
  const event = await revoke(replica, 's');
  expect(event.expiresAt! - event.at).toBe(900 + 120);
  await replica.database.run((manager) => manager.query(`UPDATE revocations SET expires_at = 1`));
  expect(await all(replica)).toEqual([]);
});

it('cut-offs carry database time; keys never end', async () => {
  const replica = await startReplica();
  const log = replica.get(RevocationLog);
  const [sub, kid] = await replica.database.transaction(async (tx) => [
    await log.append(tx, { kind: 'sub', id: 'u' }),
    await log.append(tx, { kind: 'kid', id: 'k' }),
  ]);
  expect(sub.cutoff).toBe(sub.at);
  expect(kid.expiresAt).toBeNull();
  const cutoff = await replica.database.transaction((tx) => log.cutoffFor(tx, 'u', 'c'));
  expect(cutoff).toBe(sub.cutoff);
});

async function until(holds: () => boolean): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > limit) throw new Error('it did not happen in time');
    await delay(2);
  }
}

describe('the feed', () => {
  async function startFeed(replica: Replica): Promise<RevocationFeed> {
    await replica.get(HeartbeatProof).load();
    const feed = replica.get(RevocationFeed);
    await feed.start();
    stopping.push(() => feed.stop());
    return feed;
  }
  const stopping: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stopping.splice(0)) await stop();
  });

  /** A replica of revocations that fails the test when it is told of a gap. */
  function follower() {
    const replica = new RevocationReplica({ softMs: 10_000, hardMs: 60_000 });
    const frames: FeedFrame[] = [];
    const instant = () => ({ wallMs: Date.now(), monotonicMs: performance.now() });
    return {
      replica,
      frames,
      local: false,
      fresh: () => replica.freshness(instant()) === 'fresh',
      send: (frame: FeedFrame) => {
        frames.push(frame);
        if (replica.receive(frame, instant()) === 'replay') throw new Error('the feed left a gap');
      },
    };
  }

  it('brings readers that come at any moment to the head, without gap or repetition', async () => {
    const replica = await startReplica();
    const feed = await startFeed(replica);
    const followers: ReturnType<typeof follower>[] = [];
    const joining: Promise<unknown>[] = [];
    for (let n = 0; n < 30; n += 1) {
      await revoke(replica, `s${String(n)}`);
      const reader = follower();
      followers.push(reader);
      joining.push(feed.subscribe(reader, undefined));
    }
    await Promise.all(joining);
    await until(() =>
      followers.every(({ replica: { position }, fresh }) => position?.seq === 30 && fresh()),
    );
    for (const { frames } of followers) {
      const seqs = frames.flatMap((frame) =>
        frame.type === 'revocation' ? [frame.event.seq] : [],
      );
      expect(new Set(seqs).size).toBe(30);
    }
  });

  it('tells readers of another replica of each commit, sooner than its own look would', async () => {
    const writer = await startReplica();
    const reader = await startReplica({ databaseUrl: writer.databaseUrl });
    const feed = await startFeed(reader);
    const known = follower();
    await feed.subscribe(known, undefined);
    const began = performance.now();
    for (let seq = 1; seq <= 20; seq += 1) {
      await revoke(writer, String(seq));
      await until(() => known.replica.position?.seq === seq);
    }
    // By looks alone, one a second, it would take twenty seconds.
    expect(performance.now() - began).toBeLessThan(12_000);
  });

  it('resumes after a position, and starts over after one of another epoch', async () => {
    const replica = await startReplica();
    const feed = await startFeed(replica);
    for (const id of ['a', 'b', 'c']) await revoke(replica, id);
    const resumed = follower();
    resumed.send({ type: 'begin', epoch: 1, after: 0, head: 2 });
    resumed.send({ type: 'end', epoch: 1, head: 2 });
    await feed.subscribe(resumed, { epoch: 1, seq: 2 });
    expect(resumed.frames[2]).toEqual({ type: 'begin', epoch: 1, after: 2, head: 3 });
    const elsewhere = follower();
    await feed.subscribe(elsewhere, { epoch: 9, seq: 2 });
    expect(elsewhere.frames[0]).toEqual({ type: 'begin', epoch: 1, after: 0, head: 3 });
  });

  it('sends no heartbeat when the database cannot be read, and goes on afterwards', async () => {
    const replica = await startReplica();
    const feed = await startFeed(replica);
    const known = follower();
    await feed.subscribe(known, undefined);
    const beats = () => known.frames.filter(({ type }) => type === 'heartbeat').length;
    await replica.database.run((manager) =>
      manager.query(`ALTER TABLE revocation_head RENAME TO hidden`),
    );
    // One that was read before may still be on its way.
    await delay(1_000);
    const before = beats();
    await delay(2_000);
    expect(beats()).toBe(before);
    await replica.database.run((manager) =>
      manager.query(`ALTER TABLE hidden RENAME TO revocation_head`),
    );
    await until(() => beats() > before);
  });

  it('all replicas prove heads with the same key', async () => {
    const one = await startReplica();
    const other = await startReplica({ databaseUrl: one.databaseUrl });
    await Promise.all([one.get(HeartbeatProof).load(), other.get(HeartbeatProof).load()]);
    const head = { epoch: 1, seq: 5 };
    expect(one.get(HeartbeatProof).proofOf(head)).toBe(other.get(HeartbeatProof).proofOf(head));
    expect(one.get(HeartbeatProof).proofOf(head)).not.toBe(
      one.get(HeartbeatProof).proofOf({ epoch: 1, seq: 6 }),
    );
  });
});
