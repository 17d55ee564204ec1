import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger, Registry } from '@countersign/service-host';
import { jest } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { Accounts } from '../accounts/accounts.js';
import { AuditLog } from '../audit/audit-log.js';
import { LOGGER, METRICS } from '../platform/platform.module.js';
import { CheckInClock } from '../relying-services/check-in-clock.js';
import { CheckIns } from '../relying-services/check-ins.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRevocation } from './key-revocation.js';
import { KeyRing } from './key-ring.js';
import { KeyRotation } from './key-rotation.js';
import { KeyVault } from './key-vault.js';
import { RotationDriver } from './rotation-driver.js';

const drivers: RotationDriver[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const driver of drivers.splice(0)) await driver.stop();
});
afterAll(stopReplicas);

const ROTATION = 2_000;
const settings = {
  KEY_ROTATION_SECONDS: String(ROTATION),
  KEY_PUBLICATION_SECONDS: '600',
  KEY_ACTIVATION_PATIENCE_SECONDS: '300',
};

type Row = Readonly<Record<string, string | null>>;
const sql = (replica: Replica, text: string) =>
  replica.database.run((manager) => manager.query<Row[]>(text));
const states = async (replica: Replica) =>
  (await sql(replica, `SELECT state FROM signing_keys ORDER BY prepared_at, kid`)).map(
    ({ state }) => state,
  );
/** Lets identity have served for so long. */
const serve = (replica: Replica, seconds: number) =>
  sql(replica, `UPDATE check_in_clock SET ran_ms = ran_ms + ${String(seconds * 1000)}`);
const audited = (replica: Replica, action: string) =>
  sql(replica, `SELECT target, details FROM audit WHERE action = '${action}' ORDER BY id`);

/** Some replicas on one database, with one instance of service `orders`. */
async function startReplicas(count: number, more: Readonly<Record<string, string>> = {}) {
  const first = await startReplica({ settings: { ...settings, ...more } });
  const { databaseUrl } = first;
  const replicas = [first];
  while (replicas.length < count) replicas.push(await startReplica({ databaseUrl, settings }));
  const declared = { id: 'orders', audience: 'orders', secretSha256: Buffer.alloc(32, 1) };
  await first.get(RelyingServices).reconcile([declared]);
  await first.get(RevocationLog).noteLifetime(300);
  for (const replica of replicas) await replica.get(KeyRing).load();
  const instanceId = randomUUID();
  const kidsOf = (replica: Replica) =>
    replica
      .get(KeyRing)
      .document()
      .keys.map(({ kid }) => kid!);
  return {
    first,
    replicas,
    kidsOf,
    /** Everybody says what they hold; orders says what it is told to. */
    report: async (orders = kidsOf(first)) => {
      for (const replica of replicas) {
        const id = `00000000-0000-4000-8000-00000000000${String(replicas.indexOf(replica))}`;
        const report = { instanceId: id, kids: kidsOf(replica), applied: undefined };
        await replica.get(CheckIns).checkIn('identity', report);
      }
      await first.get(CheckIns).checkIn('orders', { instanceId, kids: orders, applied: undefined });
    },
    drive: async (intervals?: { followMs: number; turnMs: number }) => {
      for (const replica of replicas) {
        const driver = replica.get(RotationDriver);
        drivers.push(driver);
        await driver.start(intervals);
      }
    },
  };
}
const turn = (replica: Replica) => replica.get(KeyRotation).turn();

it('three replicas that rotate at once, again and again, make exactly one rotation', async () => {
  const { first, replicas, kidsOf, report } = await startReplicas(3);
  const [, next] = kidsOf(first);
  await serve(first, ROTATION);
  await report();
  const turns = await Promise.all(
    [...replicas, ...replicas, ...replicas].map((replica) => turn(replica)),
  );
  expect(turns.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
  expect(await states(first)).toEqual(['retired', 'active', 'prepared']);
  const activations = (await audited(first, 'key.activate')).slice(1);
  expect(activations).toMatchObject([{ target: next, details: { despite: [] } }]);
  await Promise.all(replicas.map((replica) => replica.get(KeyRing).follow()));
  const documents = replicas.map((replica) => replica.get(KeyRing).document());
  expect(new Set(documents.map(({ body }) => body)).size).toBe(1);
  expect(documents[0]!.keys).toHaveLength(3);
});

it('while three replicas mint and rotate, every token is signed by a key that all of them publish, never by two keys at once', async () => {
  const { first, replicas, kidsOf, report, drive } = await startReplicas(3);
  await drive({ followMs: 1_000, turnMs: 50 });
  const accountId = await first.get(Accounts).addVerified('a@example.test', 'unused', ['customer']);
  const minted: { kid: string; asked: number; answered: number }[] = [];
  let stopped = false;
  const mint = async (replica: Replica) => {
    const sessions = replica.get(Sessions);
    while (!stopped) {
      const asked = performance.now();
      const { accessToken } = await sessions.begin(accountId, {
        ...{ clientId: DEFAULT_CLIENT_ID, delivery: 'bearer', remember: false },
        ...{ deviceName: null, userAgent: null, ip: null },
      });
      const { kid } = decodeProtectedHeader(accessToken);
      for (const other of replicas) expect(kidsOf(other)).toContain(kid);
      minted.push({ kid: kid!, asked, answered: performance.now() });
    }
  };
  const minting = Promise.all(replicas.map((replica) => mint(replica)));
  for (let rotation = 1; rotation <= 4; rotation += 1) {
    await serve(first, ROTATION);
    await report();
    await until(async () => (await states(first)).length === rotation + 2);
    await until(() => replicas.every((replica) => kidsOf(replica).length === rotation + 2));
  }
  stopped = true;
  await minting;
  // Once a key has signed, the one before it signs nothing that is asked for from then on.
  const kids = [...new Set(minted.map(({ kid }) => kid))];
  expect(kids).toHaveLength(5);
  for (const [index, kid] of kids.entries()) {
    const next = minted.find((token) => token.kid === kids[index + 1])?.answered ?? Infinity;
    expect(minted.filter((token) => token.kid === kid && token.asked > next)).toEqual([]);
  }
});

it.each([
  ['by a notification', { followMs: 60_000, turnMs: 60_000 }, true],
  ['by its own look, as in production, when the notification is lost', undefined, false],
])('a replica learns of a change %s', async (_name, intervals, notified) => {
  const { first, replicas, report, drive } = await startReplicas(2);
  await drive(intervals);
  await serve(first, ROTATION);
  await report();
  if (!notified) {
    await sql(
      first,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
         AND application_name = 'countersign listen countersign_keys'`,
    );
  }
  await turn(first);
  await until(() => replicas.every((one) => one.get(KeyRing).document().keys.length === 3));
});

it('a replica that was told of nothing publishes the key before it signs with it', async () => {
  const { first, replicas, kidsOf, report } = await startReplicas(2);
  const [, ignorant] = replicas as [Replica, Replica];
  for (let rotation = 0; rotation < 2; rotation += 1) {
    await serve(first, ROTATION);
    await first.get(KeyRing).follow();
    await report();
    if (rotation === 1)
      await sql(
        first,
        `UPDATE relying_service_instances SET kids = (SELECT array_agg(kid) FROM signing_keys)`,
      );
    await turn(first);
  }
  const [active] = await sql(first, `SELECT kid FROM signing_keys WHERE state = 'active'`);
  expect(kidsOf(ignorant)).not.toContain(active!.kid);
  const signer = await ignorant.database.transaction((tx) =>
    ignorant.get(KeyRing).activeSigner(tx),
  );
  expect(signer.kid).toBe(active!.kid);
  expect(kidsOf(ignorant)).toContain(active!.kid);
});

it('a replica that dies between any two steps has changed nothing, and the next one does it all', async () => {
  const { first, replicas, report } = await startReplicas(2);
  const [, other] = replicas as [Replica, Replica];
  await serve(first, ROTATION);
  await report();
  for (const step of [1, 2]) {
    const audit = first.get(AuditLog);
    const record = audit.record.bind(audit);
    let calls = 0;
    jest.spyOn(audit, 'record').mockImplementation((...given) => {
      calls += 1;
      return calls === step ? Promise.reject(new Error('died')) : record(...given);
    });
    await expect(turn(first)).rejects.toThrow('died');
    expect(await states(first)).toEqual(['active', 'prepared']);
  }
  await turn(other);
  expect(await states(first)).toEqual(['retired', 'active', 'prepared']);
});

it('an instance without the key holds it back, by name, until the deadline, and no longer', async () => {
  const { first, kidsOf, report } = await startReplicas(1);
  const [old, next] = kidsOf(first);
  await serve(first, ROTATION);
  await report([old!]);
  expect((await turn(first)).plan.waiting).toMatchObject({
    kid: next,
    for: 'reports',
    behind: [{ service: 'orders', silent: false }],
  });
  expect(await states(first)).toEqual(['active', 'prepared']);
  await serve(first, 300);
  expect((await turn(first)).applied).toContainEqual(
    expect.objectContaining({ do: 'activate', kid: next }),
  );
  expect((await audited(first, 'key.activate')).at(-1)).toMatchObject({
    target: next,
    details: { despite: [{ service: 'orders', silent: true }] },
  });
});

it('a key that is held back past its deadline raises an alarm, once, that names who is behind, and ends when they report', async () => {
  const { first, kidsOf, report, drive } = await startReplicas(1, {
    KEY_ACTIVATION_PAST_DEADLINE: 'hold',
  });
  const [old, next] = kidsOf(first);
  const alarm = jest.spyOn(first.get<Logger>(LOGGER as never), 'error');
  const metric = first
    .get<Registry>(METRICS as never)
    .getSingleMetric('countersign_key_activation_overdue')!;
  const overdue = async () => (await metric.get()).values.map(({ value }) => value);
  await serve(first, ROTATION + 300);
  await report([old!]);
  await drive({ followMs: 60_000, turnMs: 50 });
  await until(async () => alarm.mock.calls.length > 0 && (await overdue())[0] === 1);
  await delay(500);
  expect(alarm.mock.calls).toEqual([
    [{ kid: next, behind: [expect.objectContaining({ service: 'orders' })] }, expect.anything()],
  ]);
  expect(await overdue()).toEqual([1]);
  expect(await states(first)).toEqual(['active', 'prepared']);
  await report();
  await until(async () => (await states(first)).length === 3);
  await until(async () => (await overdue())[0] === 0);
});

it('a key that goes on without an instance is told in the log, which names it; nothing is held back then', async () => {
  const { first, kidsOf, report, drive } = await startReplicas(1);
  const [old, next] = kidsOf(first);
  const alarm = jest.spyOn(first.get<Logger>(LOGGER as never), 'error');
  await report([old!]);
  await serve(first, ROTATION + 300);
  await report([old!]);
  await drive({ followMs: 60_000, turnMs: 50 });
  await until(async () => (await states(first)).length === 3);
  await until(() => alarm.mock.calls.length > 0);
  await delay(200);
  expect(alarm.mock.calls).toEqual([
    [
      { kid: next, behind: [expect.objectContaining({ service: 'orders' })] },
      'a key signs now that not every instance has reported',
    ],
  ]);
  const metrics = await first.get<Registry>(METRICS as never).metrics();
  expect(metrics).toContain('countersign_key_activation_overdue 0');
});

it('each turn notes when the published keys may change next, for how long they may be cached', async () => {
  const { first, drive } = await startReplicas(1);
  const ring = first.get(KeyRing);
  expect(ring.nextChangeInSeconds()).toBeGreaterThan(ROTATION - 100);
  await drive({ followMs: 60_000, turnMs: 50 });
  await serve(first, ROTATION - 100);
  await until(() => Math.abs(ring.nextChangeInSeconds() - 100) < 30);
});

it('after a revocation no key is made while it is under way, and then another is prepared', async () => {
  const { first, kidsOf, drive } = await startReplicas(1);
  await drive({ followMs: 60_000, turnMs: 50 });
  const vault = first.get(KeyVault);
  const make = vault.make.bind(vault);
  let madeAfter = 0;
  jest.spyOn(vault, 'make').mockImplementation(() => {
    madeAfter ||= performance.now() - begun;
    return make();
  });
  const begun = performance.now();
  first.get(RotationDriver).turnSoon();
  const how = { reason: 'a test', fresh: false };
  await first.get(KeyRevocation).revoke('operator:ann', kidsOf(first)[0]!, how);
  await until(async () => (await states(first)).includes('prepared'));
  expect(madeAfter).toBeGreaterThan(1_900);
});

it('after an outage the reports of before do not count as those of everybody', async () => {
  const { first, report } = await startReplicas(1);
  const clock = first.get(CheckInClock);
  await serve(first, ROTATION);
  await report();
  await sql(first, `UPDATE check_in_clock SET ticked_at = clock_timestamp() - interval '1 hour'`);
  await clock.tick();
  expect((await turn(first)).plan.waiting).toMatchObject({ for: 'reports', behind: [] });
  await serve(first, 75);
  await report();
  expect((await turn(first)).applied).toContainEqual(expect.objectContaining({ do: 'activate' }));
});

it('an operator asks for a rotation, which waits like any other, or forces it', async () => {
  const { first, kidsOf, report } = await startReplicas(1);
  const rotation = first.get(KeyRotation);
  const [, second] = kidsOf(first);
  await report();
  const wish = { forced: false };
  expect((await rotation.plan(wish)).plan.waiting).toMatchObject({ for: 'publication' });
  expect((await rotation.plan()).plan.waiting).toMatchObject({ for: 'calendar' });
  expect((await rotation.request('operator:ann', wish)).applied).toEqual([]);
  expect((await rotation.plan()).plan.waiting).toMatchObject({ for: 'publication' });
  await serve(first, 600);
  await report();
  expect((await turn(first)).applied).toContainEqual(
    expect.objectContaining({ do: 'activate', kid: second }),
  );
  // The wish is fulfilled, and makes no second rotation.
  await serve(first, 600);
  await first.get(KeyRing).follow();
  await report();
  expect((await turn(first)).plan.waiting).toMatchObject({ for: 'calendar' });
  const [, , third] = kidsOf(first);
  await report([]);
  const forced = await rotation.request('operator:ann', { forced: true, reason: 'a drill' });
  expect(forced.applied).toContainEqual(
    expect.objectContaining({ do: 'activate', kid: third, despite: [expect.anything()] }),
  );
  expect((await audited(first, 'key.request_rotation')).at(-1)).toMatchObject({
    details: { forced: true, reason: 'a drill' },
  });
});

it('a retired key has no private half, and stays published until its last token is over', async () => {
  const { first, kidsOf, report } = await startReplicas(1);
  const [old, next] = kidsOf(first);
  const rotation = first.get(KeyRotation);
  const purge = (kid: string) => rotation.purge('operator:ann', kid);
  await serve(first, ROTATION);
  await report();
  await turn(first);
  expect(await sql(first, `SELECT kid FROM signing_keys WHERE sealed_private_key IS NULL`)).toEqual(
    [{ kid: old }],
  );
  await expect(purge(next!)).rejects.toMatchObject({
    code: 'signing_key_in_use',
    detail: 'it signs',
  });
  await expect(purge('nobody')).rejects.toMatchObject({ code: 'unknown_signing_key' });
  await serve(first, 420);
  // By the time that identity ran they are over, by the database's clock they are not.
  await expect(purge(old!)).rejects.toMatchObject({
    detail: expect.stringMatching(/another [34]\d\d s/),
  });
  expect((await turn(first)).applied).toEqual([]);
  await sql(first, `UPDATE signing_keys SET tokens_until = clock_timestamp()`);
  await turn(first);
  await first.get(KeyRing).follow();
  expect(kidsOf(first)).not.toContain(old);
  expect(await audited(first, 'key.purge')).toMatchObject([{ target: old }]);
});

it('tokens that were dated while the database clock was ahead keep their key', async () => {
  const { first, kidsOf, report } = await startReplicas(1);
  const [old] = kidsOf(first);
  await sql(first, `UPDATE check_in_clock SET highest_at = clock_timestamp() + interval '1 hour'`);
  await first.get(CheckInClock).tick();
  await serve(first, ROTATION);
  await report();
  await turn(first);
  await serve(first, 1_000);
  await expect(first.get(KeyRotation).purge('operator:ann', old!)).rejects.toMatchObject({
    detail: expect.stringMatching(/another (39|40)\d\d s/),
  });
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 5_000; tries += 1) {
    if (await holds()) return;
    await delay(10);
  }
  throw new Error('it never came to be');
}
