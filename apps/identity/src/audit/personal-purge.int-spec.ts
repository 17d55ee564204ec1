import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { openAuditKey } from './audit-chain-key.js';
import { AuditLog } from './audit-log.js';
import { AuditSealer } from './audit-sealer.js';
import { verifyAuditLog } from './audit-verification.js';
import { OWNER_ACTIONS, ownerView } from './owner-view.js';
import { PersonalPurge } from './personal-purge.js';

jest.setTimeout(120_000);
afterAll(stopReplicas);

const DAYS = 30;
const MIDNIGHT = `date_trunc('day', clock_timestamp(), 'UTC')`;

async function start(databaseUrl?: string) {
  const replica = await startReplica({
    settings: { AUDIT_PERSONAL_RETENTION_DAYS: String(DAYS) },
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  });
  await replica.get(AuditSealer).load();
  const sql = <T = unknown>(text: string, values?: unknown[]) =>
    replica.database.run((manager) => manager.query<T[]>(text, values));
  /** Failed sign-ins with all that is personal, written so long before midnight, UTC. */
  const write = async (before: string, accountId: string | null, count = 1) => {
    await sql(
      `INSERT INTO audit (at, actor, action, account_id, personal, details)
       SELECT ${MIDNIGHT} - $1::interval, 'stranger', 'sign_in.fail', $2,
         '{"ip": "192.0.2.7", "user_agent": "a browser"}', '{"reason": "wrong_password"}'
       FROM generate_series(1, $3::integer)`,
      [before, accountId, count],
    );
    await replica.get(AuditSealer).turn();
  };
  return { replica, sql, write, purge: () => replica.get(PersonalPurge).job.run() };
}
async function verify(replica: Replica) {
  const key = await openAuditKey(replica.database, replica.get(MasterKeys));
  const { faults, erased } = await verifyAuditLog(replica.database, key!);
  return { erased, faults: faults.map(({ kind, position }) => `${kind} ${String(position)}`) };
}
const OLD = `${String(DAYS)} days 1 second`;
const YOUNG = `${String(DAYS)} days`;

it('what is personal in rows goes when it is old, of strangers too, with one row that says so; the rows and the chain stay', async () => {
  const { replica, sql, write, purge } = await start();
  const accountId = randomUUID();
  await write(OLD, null);
  await write(OLD, accountId);
  await write(YOUNG, null);
  await write('1 day', accountId);
  expect(await purge()).toEqual({ personal: 2 });
  const all = await replica.get(AuditLog).list({}, 10);
  expect(all).toMatchObject([
    { actor: 'identity', action: 'personal.erase', target: null, accountId: null },
    { personal: { ip: '192.0.2.7' } },
    { personal: { ip: '192.0.2.7' } },
    { actor: 'stranger', action: 'sign_in.fail', accountId, personal: null },
    { actor: 'stranger', action: 'sign_in.fail', accountId: null, personal: null },
  ]);
  expect(all[0]!.details).toEqual({ rows: 2, up_to: all[3]!.at.getTime() / 1000 });
  expect(await sql(`SELECT FROM audit WHERE personal_salt IS NOT NULL`)).toHaveLength(2);
  // Its owner still sees what happened, if no more from where.
  const own = await replica.get(AuditLog).list({ accountId, actions: OWNER_ACTIONS }, 50);
  expect(own.map(ownerView)).toMatchObject([
    { ip: '192.0.2.7' },
    { by: 'somebody', ip: null, user_agent: null, details: { reason: 'wrong_password' } },
  ]);

  expect(await verify(replica)).toEqual({ erased: 2, faults: [] });
  await replica.get(AuditSealer).turn();
  expect(await verify(replica)).toEqual({ erased: 2, faults: [] });
  expect(await purge()).toEqual({ personal: 0 });
  expect(await sql(`SELECT FROM audit`)).toHaveLength(5);
});

it('the record of it covers what is as old, and nothing younger; without it, it is found', async () => {
  const { replica, sql, write, purge } = await start();
  await write(OLD, null);
  await write(YOUNG, null);
  await purge();
  await replica.get(AuditSealer).turn();
  expect(await verify(replica)).toEqual({ erased: 1, faults: [] });
  await sql(`UPDATE audit SET personal = NULL, personal_salt = NULL WHERE position = 2`);
  expect(await verify(replica)).toEqual({ erased: 2, faults: ['personal_missing 2'] });
  await sql(`DELETE FROM audit WHERE action = 'personal.erase'`);
  expect((await verify(replica)).faults).toEqual([
    'personal_missing 1',
    'personal_missing 2',
    'removed 3',
  ]);
});

it('a record is believed of what could be old by then only: nobody excuses with one what they erased themselves', async () => {
  const { replica, sql, write } = await start();
  await write('1 day', null);
  await sql(`UPDATE audit SET personal = NULL, personal_salt = NULL`);
  const record = (at: string, upTo: string) =>
    sql(
      `INSERT INTO audit (at, actor, action, details) VALUES (${at}, 'identity', 'personal.erase', $1)`,
      [`{"rows": 1, "up_to": ${upTo}}`],
    );
  const day = 86_400;
  const now = Math.floor(Date.now() / 1000);
  await record('now()', '9e15');
  await record('now()', '"NaN"');
  await record('now()', 'null');
  await record('now()', String(now - 6 * day));
  await record(`now() + interval '40 days'`, String(now));
  await replica.get(AuditSealer).turn();
  expect(await verify(replica)).toEqual({ erased: 1, faults: ['personal_missing 1'] });
});

it('many replicas erase at once, in batches, and each row once', async () => {
  const { replica: one, sql, write } = await start();
  const { replica: two } = await start(one.databaseUrl);
  await write(OLD, null, 12_000);
  const run = (replica: Replica) => replica.get(PersonalPurge).job.run();
  const runs = [...(await Promise.all([one, two, one].map(run))), await run(two)];
  expect(runs.reduce((sum, { personal }) => sum + personal, 0)).toBe(12_000);
  const records = await sql<{ rows: number }>(
    `SELECT (details ->> 'rows')::integer AS rows FROM audit WHERE action = 'personal.erase' ORDER BY id`,
  );
  expect(records.map(({ rows }) => rows)).toEqual([5_000, 5_000, 2_000]);
  await one.get(AuditSealer).turn();
  expect(await verify(one)).toEqual({ erased: 12_000, faults: [] });
});
