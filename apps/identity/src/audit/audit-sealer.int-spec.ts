import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { Accounts } from '../accounts/accounts.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { openAuditKey } from './audit-chain-key.js';
import { AuditLog } from './audit-log.js';
import { AuditSealer } from './audit-sealer.js';
import { verifyAuditLog } from './audit-verification.js';

jest.setTimeout(120_000);
afterAll(stopReplicas);

async function start(databaseUrl?: string): Promise<Replica> {
  const replica = await startReplica(databaseUrl === undefined ? {} : { databaseUrl });
  await replica.get(AuditSealer).load();
  return replica;
}
const sql = <T = unknown>(replica: Replica, text: string, values: unknown[] = []) =>
  replica.database.run((manager) => manager.query<T[]>(text, values));
const entry = (target: string) => ({
  actor: 'console',
  action: 'operator.add' as const,
  target,
  personal: { ip: '192.0.2.7' },
});
const record = (replica: Replica, target: string) =>
  replica.database.transaction((tx) => replica.get(AuditLog).record(tx, entry(target)));
const targets = async (replica: Replica) =>
  (
    await sql<{ target: string }>(
      replica,
      `SELECT target FROM audit WHERE position IS NOT NULL ORDER BY position`,
    )
  ).map(({ target }) => target);
const many = (replica: Replica, rows: number) =>
  sql(
    replica,
    `INSERT INTO audit (actor, action, target, details)
     SELECT 'console', 'operator.add', n::text, '{}' FROM generate_series(1, ${String(rows)}) AS n`,
  );
async function verify(replica: Replica) {
  const key = await openAuditKey(replica.database, replica.get(MasterKeys));
  return verifyAuditLog(replica.database, key!);
}

it('gives rows their place in order, and goes on where it was', async () => {
  const replica = await start();
  const sealer = replica.get(AuditSealer);
  await record(replica, 'one');
  await record(replica, 'two');
  expect(await verify(replica)).toMatchObject({ rows: 0, unsealed: { rows: 2 }, faultCount: 0 });
  expect(await sealer.turn()).toBe(2);
  expect(await sealer.turn()).toBe(0);
  await record(replica, 'three');
  expect(await sealer.turn()).toBe(1);
  expect(await targets(replica)).toEqual(['one', 'two', 'three']);
  expect(await verify(replica)).toMatchObject({
    rows: 3,
    erased: 0,
    unsealed: { rows: 0, oldestAt: null, oldestSeconds: 0 },
    head: { position: 3 },
    faults: [],
  });
});

it('the key is made once, whoever comes first, and opens again', async () => {
  const one = await startReplica();
  const two = await startReplica({ databaseUrl: one.databaseUrl });
  expect(await openAuditKey(one.database, one.get(MasterKeys))).toBeUndefined();
  await Promise.all([one, two].map((replica) => replica.get(AuditSealer).load()));
  await record(one, 'one');
  await one.get(AuditSealer).turn();
  await record(one, 'two');
  await two.get(AuditSealer).turn();
  expect(await verify(one)).toMatchObject({ rows: 2, faultCount: 0 });
  const wrong = MasterKeys.parse(`k1 ${Buffer.alloc(32, 9).toString('base64url')}\n`);
  await expect(openAuditKey(one.database, wrong)).rejects.toThrow(/cannot be opened/);
});

it('a row whose transaction commits late is sealed after rows with higher ids, and none is skipped', async () => {
  const replica = await start();
  const sealer = replica.get(AuditSealer);
  await replica.database.transaction(async (tx) => {
    await replica.get(AuditLog).record(tx, entry('late'));
    await record(replica, 'early');
    expect(await sealer.turn()).toBe(1);
    expect(await targets(replica)).toEqual(['early']);
  });
  expect(await sealer.turn()).toBe(1);
  expect(await targets(replica)).toEqual(['early', 'late']);
  const ids = await sql<{ id: string }>(replica, `SELECT id FROM audit ORDER BY position`);
  expect(Number(ids[1]?.id)).toBeLessThan(Number(ids[0]?.id));
  expect(await verify(replica)).toMatchObject({ rows: 2, faultCount: 0 });
});

it('replicas that seal at once, while others write, chain every row once', async () => {
  const one = await start();
  const replicas = [one, await start(one.databaseUrl), await start(one.databaseUrl)];
  let writing = true;
  const written: string[] = [];
  const write = async (replica: Replica) => {
    for (let n = 0; n < 60; n += 1) {
      const target = randomUUID();
      await record(replica, target);
      written.push(target);
    }
  };
  const sealing = replicas.map(async (replica) => {
    while (writing) await replica.get(AuditSealer).turn();
  });
  await Promise.all([...replicas, ...replicas].map(write));
  writing = false;
  await Promise.all(sealing);
  await one.get(AuditSealer).turn();
  expect((await targets(one)).sort()).toEqual(written.sort());
  expect(await verify(one)).toMatchObject({ rows: 360, unsealed: { rows: 0 }, faultCount: 0 });
});

it('many rows are sealed in pages, and a crash between two pages leaves a chain that another replica goes on with', async () => {
  const one = await start();
  await many(one, 2_500);
  const doomed = await start(one.databaseUrl);
  let pages = 0;
  const transaction = doomed.database.transaction.bind(doomed.database);
  jest.spyOn(doomed.database, 'transaction').mockImplementation((work) => {
    pages += 1;
    return pages === 2
      ? // The second page is written, and its transaction is lost before it commits.
        transaction(async (tx) => {
          await work(tx);
          await tx.query(`SELECT pg_terminate_backend(pg_backend_pid())`);
        })
      : transaction(work);
  });
  await expect(doomed.get(AuditSealer).turn()).rejects.toMatchObject({
    code: 'database_unavailable',
  });
  expect(await targets(one)).toHaveLength(1_000);
  expect(await verify(one)).toMatchObject({
    rows: 1_000,
    unsealed: { rows: 1_500 },
    faultCount: 0,
  });
  expect(await one.get(AuditSealer).turn()).toBe(1_500);
  expect(await verify(one)).toMatchObject({ rows: 2_500, faultCount: 0 });
});

it('one turn is bounded: what is left waits for the next', async () => {
  const replica = await start();
  await many(replica, 20_500);
  expect(await replica.get(AuditSealer).turn()).toBe(20_000);
  expect(await replica.get(AuditSealer).turn()).toBe(500);
  expect(await verify(replica)).toMatchObject({ rows: 20_500, faultCount: 0 });
});

it('who writes never waits for who seals, and who seals passes while another does', async () => {
  const one = await start();
  const two = await start(one.databaseUrl);
  await record(one, 'before');
  await one.database.transaction(async (tx) => {
    // All that a sealer locks, held for as long as this test likes.
    await tx.query(`SELECT FROM audit_chain FOR UPDATE`);
    await tx.query(`SELECT FROM audit FOR UPDATE`);
    await record(two, 'meanwhile');
    expect(await two.get(AuditSealer).turn()).toBe(0);
  });
  expect(await two.get(AuditSealer).turn()).toBe(2);
});

it('rows that are being erased are sealed once they are, and hold', async () => {
  const replica = await start();
  const accountId = await replica.get(Accounts).addVerified('a@example.test', 'unused', []);
  const audit = replica.get(AuditLog);
  await replica.database.transaction((tx) => audit.record(tx, { ...entry('a'), accountId }));
  await replica.database.transaction(async (tx) => {
    await audit.erasePersonal(tx, accountId);
    expect(await replica.get(AuditSealer).turn()).toBe(0);
  });
  expect(await replica.get(AuditSealer).turn()).toBe(2);
  expect(await verify(replica)).toMatchObject({ rows: 2, erased: 0, faultCount: 0 });
});

it('the head is logged about once a minute by one replica, and a loss of sealed rows at once', async () => {
  const one = await start();
  const two = await start(one.databaseUrl);
  const info = jest.spyOn(loggerOf(one), 'info');
  const infoOfTwo = jest.spyOn(loggerOf(two), 'info');
  const error = jest.spyOn(loggerOf(one), 'error').mockImplementation(() => undefined);
  const heads = () =>
    [...info.mock.calls, ...infoOfTwo.mock.calls].filter(
      ([, message]: unknown[]) => message === 'head of the audit log',
    );
  await record(one, 'one');
  for (const replica of [one, two, one, two]) await replica.get(AuditSealer).turn();
  const { head } = await verify(one);
  expect(heads()).toEqual([
    [{ position: 1, head: `1:${head.digest.toString('base64url')}` }, 'head of the audit log'],
  ]);
  await sql(one, `UPDATE audit_chain SET noted_at = noted_at - interval '61 seconds'`);
  for (const replica of [two, one]) await replica.get(AuditSealer).turn();
  expect(heads()).toHaveLength(2);

  await sql(one, `DELETE FROM audit`);
  await sql(one, `UPDATE audit_chain SET position = 0, digest = decode(repeat('00', 32), 'hex')`);
  await one.get(AuditSealer).turn();
  await one.get(AuditSealer).turn();
  expect(error.mock.calls.map((call: unknown[]) => call[1])).toEqual([
    'the audit log has lost rows that were sealed',
  ]);
});

function loggerOf(replica: Replica) {
  return (
    replica.get(AuditSealer) as unknown as {
      logger: { info: (...args: unknown[]) => void; error: (...args: unknown[]) => void };
    }
  ).logger;
}

it('runs in the background until it is stopped, also after a failure', async () => {
  const replica = await start();
  const sealer = replica.get(AuditSealer);
  await sql(replica, `ALTER TABLE audit RENAME TO hidden`);
  sealer.start(20);
  await delay(100);
  await sql(replica, `ALTER TABLE hidden RENAME TO audit`);
  await record(replica, 'one');
  for (let n = 0; n < 500 && (await targets(replica)).length === 0; n += 1) await delay(20);
  expect(await targets(replica)).toEqual(['one']);
  await sealer.stop();
  await record(replica, 'two');
  await delay(100);
  expect(await targets(replica)).toEqual(['one']);
});
