import { RevocationReplica } from '@countersign/revocation';
import type { RevocationKind } from '@countersign/revocation';
import {
  createRedis,
  DEFAULT_STREAM,
  giveUp,
  RedisRevocationSource,
} from '@countersign/revocation-redis';
import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis } from '@countersign/test-kit';
import type { Redis } from 'ioredis';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { EpochRaising } from '../revocation/epoch-raising.js';
import { HeartbeatProof } from '../revocation/heartbeat-proof.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { RelayLease } from './relay-lease.js';
import { RevocationRelay } from './revocation-relay.js';

let server: ThrowAwayRedis;
let redis: Redis;
let first: Replica;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startThrowAwayRedis();
});
beforeEach(async () => {
  redis = createRedis({ url: server.url, commandTimeoutMs: 5_000 });
  await redis.connect();
  await redis.flushall();
  first = await startReplica({ redisUrl: server.url });
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  giveUp(redis);
});
afterAll(async () => {
  await stopReplicas();
  await server.stop();
});

async function startRelay(replica: Replica): Promise<RevocationRelay> {
  await replica.get(HeartbeatProof).load();
  const relay = replica.get(RevocationRelay);
  relay.start();
  stops.push(() => relay.stop());
  return relay;
}

function startReader() {
  const replica = new RevocationReplica({ softMs: 10_000, hardMs: 60_000 });
  const now = () => ({ wallMs: Date.now(), monotonicMs: performance.now() });
  const source = new RedisRevocationSource({ url: server.url });
  source.start({
    receive: (frame) => replica.receive(frame, now()),
    drop: () => replica.drop(),
  });
  stops.push(() => source.close());
  return {
    replica,
    isFresh: () => replica.freshness(now()) === 'fresh',
    refuses: (sessionId: string) =>
      replica.isRevoked({
        tokenId: 't',
        subject: 's',
        clientId: 'c',
        keyId: 'k',
        issuedAt: Date.now() / 1000 + 3600,
        sessionId,
      }),
  };
}

async function revoke(id: string, kind: RevocationKind = 'sid'): Promise<void> {
  await first.database.transaction((tx) => first.get(RevocationLog).append(tx, { kind, id }));
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const began = performance.now();
  while (!(await condition())) {
    if (performance.now() > began + 20_000) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

it('what is committed is in every verifier at once, and what was before is there from the start', async () => {
  await revoke('before');
  await revoke('stolen', 'kid');
  const relay = await startRelay(first);
  const reader = startReader();
  await until(reader.isFresh, 'the reader is fresh');
  expect(reader.refuses('before')).toBe(true);

  const began = performance.now();
  for (let n = 1; n <= 20; n += 1) {
    await revoke(`now-${String(n)}`);
    await until(() => reader.refuses(`now-${String(n)}`), 'the revocation has come');
  }
  // Measured alone: a few milliseconds each. Without the notifications it would be a second each.
  expect(performance.now() - began).toBeLessThan(12_000);
  expect(relay.state()).toMatchObject({
    configured: true,
    leads: true,
    term: 1,
    generation: 1,
    lag: 0,
    written: { epoch: 1, seq: 22 },
    lastError: undefined,
  });
  await until(
    async () => (await first.get(RelayLease).status()).written?.seq === 22,
    'everybody can read how far the leader is',
  );
});

it('without REDIS_URL nothing is done', async () => {
  const replica = await startReplica();
  const relay = await startRelay(replica);
  expect(relay.state()).toMatchObject({ configured: false, leads: false });
  expect((await replica.get(RelayLease).status()).term).toBe(0);
});

it('of two replicas one leads; when it stops the other goes on where it was', async () => {
  const second = await startReplica({ redisUrl: server.url, databaseUrl: first.databaseUrl });
  const one = await startRelay(first);
  await until(() => one.state().leads, 'the first leads');
  const two = await startRelay(second);
  const reader = startReader();
  await until(reader.isFresh, 'the reader is fresh');
  for (let turn = 0; turn < 20; turn += 1) await revoke(`early-${String(turn)}`);
  expect(two.state().leads).toBe(false);

  await one.stop();
  await revoke('late');
  await until(() => reader.refuses('late'), 'the other replica has written it');
  expect([two.state().leads, two.state().term]).toEqual([true, 2]);
  expect(two.state().generation).toBe(1);
  expect(reader.replica.position).toEqual({ epoch: 1, seq: 21 });
});

it('a leader whose lease was taken steps down, and cannot write in between', async () => {
  const relay = await startRelay(first);
  await until(() => relay.state().leads, 'it leads');
  // Another replica has led since, for a moment, and is gone.
  await first.database.run((manager) =>
    manager.query(
      `UPDATE revocation_relay SET term = term + 1, holder = gen_random_uuid(), leased_until = clock_timestamp() + interval '5 s'`,
    ),
  );
  await redis.hset(`${DEFAULT_STREAM}:relay`, 'term', 2);
  await revoke('fenced');
  await until(() => !relay.state().leads, 'it steps down');
  const types = (await redis.xrange(DEFAULT_STREAM, '-', '+')).map(([, [field]]) => field);
  expect(types).not.toContain('r');
  await until(() => relay.state().leads, 'it leads again, after the other lease has run out');
  expect(relay.state().term).toBe(3);
});

it('a term in Redis from before the database was restored does not lock everybody out', async () => {
  await redis.hset(`${DEFAULT_STREAM}:relay`, 'term', 41);
  const relay = await startRelay(first);
  await until(() => relay.state().leads, 'it leads');
  expect(relay.state().term).toBe(42);
});

it.each<[string, () => Promise<unknown>]>([
  ['was flushed', () => redis.flushall()],
  ['was trimmed by somebody', () => redis.xtrim(DEFAULT_STREAM, 'MAXLEN', 1)],
  ['was written to by somebody', () => redis.xadd(DEFAULT_STREAM, '*', 'r', 'junk')],
  [
    'was restarted empty',
    async () => {
      await server.halt();
      await server.resume();
    },
  ],
])('when Redis %s, all that is live is written again', async (_, harm) => {
  const relay = await startRelay(first);
  await revoke('a');
  await revoke('stolen', 'kid');
  await until(() => relay.state().leads && relay.state().written?.seq === 2, 'all is written');
  await harm();
  await until(() => relay.state().generation === 2, 'the next generation has begun');
  const reader = startReader();
  await until(reader.isFresh, 'a new reader is fresh');
  expect(reader.refuses('a')).toBe(true);
  expect(reader.replica.position).toEqual({ epoch: 1, seq: 2 });
});

it('an older copy of Redis is noticed within a second', async () => {
  const relay = await startRelay(first);
  await until(() => relay.state().leads && relay.state().written !== undefined, 'it leads');
  const reader = startReader();
  await until(reader.isFresh, 'the reader is fresh');
  const keys = [DEFAULT_STREAM, `${DEFAULT_STREAM}:relay`];
  const copies = await redis.multi(keys.map((key) => ['dumpBuffer', key])).exec();
  await revoke('a');
  await until(() => reader.refuses('a'), 'it is known');
  const restore = keys.map((key, index) => [
    'restore',
    key,
    '0',
    copies![index]![1] as string,
    'REPLACE',
  ]);
  await redis.multi(restore).exec();
  await until(() => relay.state().generation === 2, 'it is noticed');
  await revoke('b');
  await until(() => reader.refuses('b'), 'the reader goes on');
  expect(reader.replica.position).toEqual({ epoch: 1, seq: 2 });
});

it('a new epoch is a new generation, and readers follow', async () => {
  const relay = await startRelay(first);
  await revoke('a');
  const reader = startReader();
  await until(reader.isFresh, 'the reader is fresh');
  await first.get(EpochRaising).raise('operator', { keepSessions: true });
  await revoke('b');
  await until(() => reader.replica.position?.epoch === 2, 'the reader is in the new epoch');
  await until(() => reader.refuses('b'), 'b is known');
  expect(relay.state()).toMatchObject({ generation: 2, written: { epoch: 2 } });
});

it('a database behind the epoch in Redis writes nothing, and says what to do', async () => {
  await redis.hset(`${DEFAULT_STREAM}:relay`, 'term', 0, 'position', '7.3');
  const relay = await startRelay(first);
  await until(() => relay.state().lastError !== undefined, 'it says so');
  expect(relay.state().lastError).toMatch(/later epoch \(7\.3\).*countersign epoch raise/);
  expect(await redis.exists(DEFAULT_STREAM)).toBe(0);
});

it('while Redis hangs nobody waits for it, and afterwards nothing is missing', async () => {
  const relay = await startRelay(first);
  const reader = startReader();
  await until(reader.isFresh, 'the reader is fresh');
  server.freeze();
  await revoke('meanwhile');
  await until(() => relay.state().lastError !== undefined, 'it is noticed');
  expect((await first.get(RelayLease).status()).holder).toBeUndefined();
  server.thaw();
  await until(() => reader.refuses('meanwhile'), 'the reader knows');
  await until(() => relay.state().lastError === undefined, 'all is well');
});

it('entries that were committed while nobody led are written when somebody does', async () => {
  const relay = await startRelay(first);
  await revoke('a');
  await until(() => relay.state().written?.seq === 1, 'it is written');
  await relay.stop();
  for (let turn = 0; turn < 30; turn += 1) await revoke(`alone-${String(turn)}`);
  const second = await startReplica({ redisUrl: server.url, databaseUrl: first.databaseUrl });
  const next = await startRelay(second);
  const reader = startReader();
  await until(() => reader.refuses('alone-29'), 'all are known');
  expect(next.state().generation).toBe(1);
});
