import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { CheckIns } from './check-ins.js';
import { Purge } from './purge.js';
import { RelyingServices } from './relying-services.js';

afterAll(stopReplicas);

const sql = <T = unknown>(replica: Replica, text: string, values: unknown[] = []) =>
  replica.database.run((manager) => manager.query<T>(text, values));
const idsOf = async (replica: Replica) =>
  (await sql<{ id: string }[]>(replica, `SELECT id FROM revocations ORDER BY seq`)).map(
    ({ id }) => id,
  );
/** Moves everything in the tables of revocations and receipts into the past. */
const age = (replica: Replica, seconds: number) =>
  sql(
    replica,
    `WITH a AS (UPDATE revocations SET expires_at = expires_at - ${String(seconds)})
     UPDATE receipts SET received_at = received_at - make_interval(secs => ${String(seconds)})`,
  );

async function start(databaseUrl?: string): Promise<Replica> {
  const replica = await startReplica(databaseUrl === undefined ? {} : { databaseUrl });
  await replica
    .get(RelyingServices)
    .reconcile([{ id: 'orders', audience: 'orders', secretSha256: Buffer.alloc(32, 1) }]);
  return replica;
}

const revoke = (replica: Replica, kind: 'sid' | 'sub' | 'kid', id: string) =>
  replica.database.transaction((tx) => replica.get(RevocationLog).append(tx, { kind, id }));

it('entries go when they cover nothing live and operators had time to look; those of a key never', async () => {
  const replica = await start();
  await replica.get(RevocationLog).noteLifetime(300);
  for (const [kind, id] of [
    ['kid', 'a-key'],
    ['sid', 'old'],
    ['sub', 'old-cut-off'],
  ] as const) {
    await revoke(replica, kind, id);
  }
  await age(replica, 420 + 590);
  await revoke(replica, 'sid', 'young');
  await replica.get(Purge).job.run();
  expect(await idsOf(replica)).toEqual(['a-key', 'old', 'old-cut-off', 'young']);
  await age(replica, 20);
  expect(await replica.get(Purge).job.run()).toMatchObject({ revocations: 2 });
  expect(await idsOf(replica)).toEqual(['a-key', 'young']);
  // The next one goes on counting, and readers see no gap.
  expect((await revoke(replica, 'sid', 'next')).seq).toBe(5);
});

it('receipts go with the entries they were for, and what an instance has applied stays', async () => {
  const replica = await start();
  const instanceId = randomUUID();
  const report = async (seq: number) =>
    replica.get(CheckIns).checkIn('orders', { instanceId, kids: [], applied: { epoch: 1, seq } });
  for (const id of ['one', 'two', 'three']) await report((await revoke(replica, 'sid', id)).seq);
  await sql(replica, `UPDATE revocations SET expires_at = 1 WHERE id = 'one'`);
  await sql(replica, `UPDATE receipts SET received_at = now() - interval '2 hours'`);
  expect(await replica.get(Purge).job.run()).toMatchObject({
    revocations: 1,
    receipts: 1,
    instances: 0,
  });
  await revoke(replica, 'kid', 'a-key');
  await sql(replica, `UPDATE revocations SET expires_at = 1 WHERE id <> 'a-key'`);
  expect(await replica.get(Purge).job.run()).toMatchObject({
    revocations: 2,
    receipts: 2,
    instances: 0,
  });
  expect(await sql(replica, `SELECT seq FROM live_instances`)).toEqual([{ seq: '3' }]);
});

it('instances go a day after they left or fell silent, those that are silent in an outage do not', async () => {
  const replica = await start();
  const [left, silent, live] = [randomUUID(), randomUUID(), randomUUID()];
  const report = (instanceId: string, goodbye = false) =>
    replica.get(CheckIns).checkIn('orders', { instanceId, kids: [], applied: undefined, goodbye });
  await report(left, true);
  await report(silent);
  await sql(
    replica,
    `UPDATE relying_service_instances SET left_at = left_at - interval '23 hours', last_seen_at = now() - interval '1 year'`,
  );
  expect(await replica.get(Purge).job.run()).toMatchObject({ instances: 0 });
  await sql(replica, `UPDATE relying_service_instances SET left_at = left_at - interval '2 hours'`);
  expect(await replica.get(Purge).job.run()).toMatchObject({ instances: 1 });
  await sql(replica, `UPDATE check_in_clock SET ran_ms = ran_ms + 86476000`);
  await report(live);
  expect(await replica.get(Purge).job.run()).toMatchObject({ instances: 1 });
  expect(await sql(replica, `SELECT instance_id FROM relying_service_instances`)).toEqual([
    { instance_id: live },
  ]);
});

it('many replicas purge at once, in batches, and each row once', async () => {
  const one = await start();
  const replicas = [one, await start(one.databaseUrl), await start(one.databaseUrl)];
  await sql(
    one,
    `INSERT INTO revocations (epoch, seq, kind, id, expires_at, at)
     SELECT 1, n, 'sid', n::text, 1, 1 FROM generate_series(1, 12000) AS n`,
  );
  const runs = await Promise.all(replicas.map((replica) => replica.get(Purge).job.run()));
  const last = await one.get(Purge).job.run();
  const total = [...runs, last].reduce((sum, { revocations }) => sum + revocations, 0);
  expect(total).toBe(12_000);
  expect(await idsOf(one)).toEqual([]);
});

it('runs in the background until it is stopped, also after a failure', async () => {
  const replica = await start();
  const purge = replica.get(Purge).job;
  await sql(replica, `ALTER TABLE receipts RENAME TO hidden`);
  purge.start(20);
  await delay(100);
  await sql(replica, `ALTER TABLE hidden RENAME TO receipts`);
  await revoke(replica, 'sid', 'old');
  await sql(replica, `UPDATE revocations SET expires_at = 1`);
  for (let n = 0; n < 1_000 && (await idsOf(replica)).length > 0; n += 1) await delay(20);
  expect(await idsOf(replica)).toEqual([]);
  await purge.stop();
  await revoke(replica, 'sid', 'later');
  await sql(replica, `UPDATE revocations SET expires_at = 1`);
  await delay(100);
  expect(await idsOf(replica)).toEqual(['later']);
});
