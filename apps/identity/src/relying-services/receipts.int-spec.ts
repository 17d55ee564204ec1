import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Position } from '@countersign/revocation';
import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { EpochRaising } from '../revocation/epoch-raising.js';
import { HeartbeatProof } from '../revocation/heartbeat-proof.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { AwaitedReceipts } from './awaited-receipts.js';
import { CheckInClock } from './check-in-clock.js';
import { CheckIns } from './check-ins.js';
import { Receipts } from './receipts.js';
import { RelyingServices } from './relying-services.js';

afterEach(() => jest.restoreAllMocks());
afterAll(stopReplicas);

const at = (seq: number): Position => ({ epoch: 1, seq });
const sql = <T = unknown>(replica: Replica, text: string, values: unknown[] = []) =>
  replica.database.run((manager) => manager.query<T>(text, values));

/** A replica that knows orders and payments, with `revoked` revocations. */
async function startWithServices(revoked = 0, databaseUrl?: string): Promise<Replica> {
  const replica = await startReplica(databaseUrl === undefined ? {} : { databaseUrl });
  await replica
    .get(RelyingServices)
    .reconcile(
      ['orders', 'payments'].map((id) => ({ id, audience: id, secretSha256: Buffer.alloc(32, 1) })),
    );
  for (let n = 0; n < revoked; n += 1) await revoke(replica);
  return replica;
}

const revoke = (replica: Replica, receiptWanted = true) =>
  replica.database.transaction((tx) =>
    replica.get(RevocationLog).append(tx, { kind: 'sid', id: randomUUID(), receiptWanted }),
  );

/** An instance of a service, which reports what it is told to. */
function instance(replica: Replica, service = 'orders', instanceId = randomUUID()) {
  const report = (
    applied?: Position,
    more: { goodbye?: boolean; hardStalenessSeconds?: number } = {},
  ) => replica.get(CheckIns).checkIn(service, { instanceId, kids: [], applied, ...more });
  return { instanceId, service, report };
}

/** Lets so many seconds pass on the clock of check-ins. */
const silence = (replica: Replica, seconds: number) =>
  sql(replica, `UPDATE check_in_clock SET ran_ms = ran_ms + $1`, [seconds * 1000]);

const liveOf = async (replica: Replica) =>
  (await sql<{ instance_id: string }[]>(replica, `SELECT instance_id FROM live_instances`)).map(
    (row) => row.instance_id,
  );

describe('the live set', () => {
  it('an instance that joined before a revocation is waited for, one that joins after it is not', async () => {
    const replica = await startWithServices();
    const early = instance(replica);
    await early.report();
    const { seq } = await revoke(replica);
    await instance(replica).report();
    const receipts = replica.get(Receipts);
    expect(await receipts.reachedByAll()).toEqual(at(0));
    const before = await receipts.of(at(seq));
    expect(before!.allApplied).toBe(false);
    expect(before!.instances.filter(({ joinedLater }) => joinedLater)).toHaveLength(1);
    await early.report(at(seq));
    expect(await receipts.reachedByAll()).toEqual(at(seq));
    expect((await receipts.of(at(seq)))!.allApplied).toBe(true);
  });

  it('is left by a goodbye, and joined again at a new head', async () => {
    const replica = await startWithServices(1);
    const orders = instance(replica);
    await orders.report();
    await orders.report(undefined, { goodbye: true });
    expect(await liveOf(replica)).toEqual([]);
    await revoke(replica);
    await orders.report();
    expect(await liveOf(replica)).toEqual([orders.instanceId]);
    expect(await replica.get(Receipts).reachedByAll()).toEqual(at(2));
  });

  it('is left after the hard staleness limit of the instance and fifteen seconds of silence', async () => {
    const replica = await startWithServices();
    const [usual, patient] = [instance(replica), instance(replica, 'payments')];
    await usual.report();
    await patient.report(undefined, { hardStalenessSeconds: 120 });
    await silence(replica, 75);
    expect(await liveOf(replica)).toHaveLength(2);
    await silence(replica, 1);
    expect(await liveOf(replica)).toEqual([patient.instanceId]);
    await silence(replica, 59);
    expect(await liveOf(replica)).toHaveLength(1);
    await silence(replica, 1);
    expect(await liveOf(replica)).toEqual([]);
  });

  it('who was silent for too long joins again: what was committed meanwhile it must apply before it answers', async () => {
    const replica = await startWithServices();
    const orders = instance(replica);
    await orders.report(at(0));
    await silence(replica, 76);
    const { seq } = await revoke(replica);
    await orders.report(at(0));
    expect((await replica.get(Receipts).of(at(seq)))!.instances).toMatchObject([
      { applied: false, joinedLater: true },
    ]);
  });

  it('a verifier that was running before joins were noted is waited for', async () => {
    const replica = await startWithServices();
    const orders = instance(replica);
    await orders.report();
    await sql(
      replica,
      `UPDATE relying_service_instances SET joined_epoch = NULL, joined_seq = NULL`,
    );
    await revoke(replica);
    await orders.report();
    expect(await replica.get(Receipts).reachedByAll()).toEqual({ epoch: 0, seq: 0 });
  });

  it('the time of an outage does not count as silence', async () => {
    const replica = await startWithServices();
    const orders = instance(replica);
    await orders.report();
    const clock = replica.get(CheckInClock);
    const ran = async () =>
      Number(
        (await sql<[{ ran_ms: string }]>(replica, `SELECT ran_ms FROM check_in_clock`))[0].ran_ms,
      );
    const lastTick = (ago: string) =>
      sql(replica, `UPDATE check_in_clock SET ticked_at = clock_timestamp() - $1::interval`, [ago]);
    await lastTick('1 hour');
    await clock.tick();
    expect(await ran()).toBe(0);
    expect(await liveOf(replica)).toEqual([orders.instanceId]);
    await lastTick('2 seconds');
    await clock.tick();
    expect(await ran()).toBeGreaterThanOrEqual(2_000);
    // The database's clock was set back.
    const before = await ran();
    await lastTick('-1 hour');
    await clock.tick();
    expect(await ran()).toBe(before);
  });

  it('after history was lost it takes its time until it is known who is live', async () => {
    const replica = await startWithServices(1);
    const orders = instance(replica);
    await orders.report(at(1));
    const receipts = replica.get(Receipts);
    expect((await receipts.of(at(1)))!.allApplied).toBe(true);
    await replica.get(EpochRaising).raise('operator', { keepSessions: true });
    expect(await receipts.reachedByAll()).toBeUndefined();
    const tick = async () => {
      await sql(
        replica,
        `UPDATE check_in_clock SET ticked_at = clock_timestamp() - interval '1 second'`,
      );
      await replica.get(CheckInClock).tick();
    };
    await tick();
    await orders.report({ epoch: 2, seq: 0 });
    await silence(replica, 60);
    expect(await receipts.reachedByAll()).toBeUndefined();
    expect((await receipts.of(at(1)))!.allApplied).toBe(false);
    await orders.report({ epoch: 2, seq: 0 });
    await silence(replica, 15);
    expect(await receipts.reachedByAll()).toEqual({ epoch: 2, seq: 0 });
    await tick();
    expect((await receipts.of(at(1)))!.allApplied).toBe(true);
  });

  it('after history was lost it takes as long as the most patient of the known may go on unheard', async () => {
    const replica = await startWithServices();
    await instance(replica).report(undefined, { hardStalenessSeconds: 600 });
    await replica.get(EpochRaising).raise('operator', { keepSessions: true });
    // So long a gap was an outage, and adds nothing.
    await sql(replica, `UPDATE check_in_clock SET ticked_at = ticked_at - interval '1 hour'`);
    await replica.get(CheckInClock).tick();
    const complete = async () =>
      (await sql<[{ complete: boolean }]>(replica, `SELECT complete FROM live_set_is_complete`))[0]
        .complete;
    await silence(replica, 613);
    expect(await complete()).toBe(false);
    await silence(replica, 2);
    expect(await complete()).toBe(true);
  });

  it('the clock of check-ins runs no faster however many replicas tick', async () => {
    const replica = await startWithServices();
    const clocks = [replica, await startWithServices(0, replica.databaseUrl)].map((each) =>
      each.get(CheckInClock),
    );
    const started = performance.now();
    await sql(replica, `UPDATE check_in_clock SET ticked_at = clock_timestamp()`);
    for (let n = 0; n < 40; n += 1) {
      await Promise.all(clocks.map((clock) => clock.tick()));
      await delay(40);
    }
    const [{ ran_ms: ran }] = await sql<[{ ran_ms: string }]>(
      replica,
      `SELECT ran_ms FROM check_in_clock`,
    );
    expect(Number(ran)).toBeGreaterThan(900);
    expect(Number(ran)).toBeLessThanOrEqual(performance.now() - started + 20);
  });
});

describe('a report', () => {
  it('is believed only for the service of its credentials', async () => {
    const replica = await startWithServices(1);
    const orders = instance(replica);
    await sql(replica, `UPDATE revocation_head SET seq = 0`);
    await orders.report();
    await sql(replica, `UPDATE revocation_head SET seq = 1`);
    await instance(replica, 'payments', orders.instanceId).report(at(1));
    const { instances, allApplied } = (await replica.get(Receipts).of(at(1)))!;
    expect(allApplied).toBe(false);
    expect(instances.map(({ service, applied }) => [service, applied])).toEqual([
      ['orders', false],
      ['payments', true],
    ]);
  });

  it('that is older than another does not lower what was applied', async () => {
    const replica = await startWithServices(3);
    const orders = instance(replica);
    await orders.report(at(3));
    await orders.report(at(1));
    await orders.report();
    expect((await replica.get(Receipts).of(at(3)))!.instances).toMatchObject([{ applied: true }]);
  });

  it('that proves that history was lost raises the epoch', async () => {
    const replica = await startWithServices(1);
    await replica.get(HeartbeatProof).load();
    const proof = replica.get(HeartbeatProof).proofOf({ epoch: 1, seq: 9 });
    const report = { instanceId: randomUUID(), kids: [], applied: at(9), proof };
    const { head } = await replica.get(CheckIns).checkIn('orders', report);
    expect(head.epoch).toBe(2);
  });

  it('that is ahead of everything written here gives no receipt', async () => {
    const replica = await startWithServices(1);
    const orders = instance(replica);
    await orders.report(at(1));
    await orders.report(at(9));
    await orders.report({ epoch: 2, seq: 1 });
    const { seq } = await revoke(replica);
    expect((await replica.get(Receipts).of(at(seq)))!.allApplied).toBe(false);
    expect(await replica.get(Receipts).reachedByAll()).toEqual(at(1));
  });
});

describe('receipts', () => {
  it('name each live instance with the milliseconds from the commit, whichever replica is asked', async () => {
    const one = await startWithServices();
    const other = await startWithServices(0, one.databaseUrl);
    const [orders, payments] = [instance(one), instance(other, 'payments')];
    await orders.report();
    await payments.report();
    const { seq } = await revoke(one);
    await delay(300);
    await orders.report(at(seq));
    await revoke(one);
    await orders.report(at(seq + 1));
    for (const replica of [one, other]) {
      const { committedAt, instances, allApplied } = (await replica.get(Receipts).of(at(seq)))!;
      expect(Math.abs(committedAt - Date.now() / 1000)).toBeLessThan(20);
      expect(allApplied).toBe(false);
      expect(instances).toMatchObject([
        { service: 'orders', instanceId: orders.instanceId, applied: true },
        { service: 'payments', instanceId: payments.instanceId, applied: false, millis: null },
      ]);
      expect(instances[0]!.millis).toBeGreaterThanOrEqual(300);
      expect(instances[0]!.millis).toBeLessThan(20_000);
    }
    expect(await one.get(Receipts).of(at(99))).toBeUndefined();
  });

  it('that nobody could give are not receipts of everybody', async () => {
    const replica = await startWithServices(1);
    expect(await replica.get(Receipts).reachedByAll()).toBeUndefined();
    expect((await replica.get(Receipts).of(at(1)))!.allApplied).toBe(false);
  });
});

describe('who waits for receipts', () => {
  /** Two replicas of one database: check-ins come to the second, the first waits. */
  async function startWaiting() {
    const waiting = await startWithServices();
    const taking = await startWithServices(0, waiting.databaseUrl);
    const awaited = waiting.get(AwaitedReceipts);
    await awaited.start();
    return { waiting, taking, awaited };
  }

  it('hears of the last one at once, though it came to another replica', async () => {
    const { waiting, taking, awaited } = await startWaiting();
    const [orders, payments] = [instance(taking), instance(taking, 'payments')];
    await orders.report();
    await payments.report();
    const event = await revoke(waiting);
    // It looks by itself no more, so it is told or waits in vain.
    jest.spyOn(globalThis, 'setInterval').mockReturnValue(undefined as never);
    const looks = jest.spyOn(waiting.get(Receipts), 'reachedByAll');
    const status = awaited.wait(event, 20_000);
    await orders.report(event);
    await payments.report(event);
    expect(await status).toBe('applied');
    // One look at the start, and one for each report at most.
    expect(looks.mock.calls.length).toBeLessThanOrEqual(5);
    awaited.stop();
  });

  it('is told pending when the time is over, when everybody may be gone, and at a stop', async () => {
    const { waiting, taking, awaited } = await startWaiting();
    const event = await revoke(waiting);
    expect(await awaited.wait(event, 50)).toBe('pending');
    const orders = instance(taking);
    await orders.report();
    const later = await revoke(waiting);
    const started = performance.now();
    expect(await awaited.wait(later, 300)).toBe('pending');
    expect(performance.now() - started).toBeGreaterThan(290);
    const stopped = awaited.wait(later, 20_000);
    awaited.stop();
    expect(await stopped).toBe('pending');
    expect(await awaited.wait(event, 20_000)).toBe('pending');
    expect(awaited.waiting).toBe(0);
  });

  it('does not wait for who says goodbye', async () => {
    const { waiting, taking, awaited } = await startWaiting();
    const [orders, payments] = [instance(taking), instance(taking, 'payments')];
    await orders.report();
    await payments.report();
    const event = await revoke(waiting);
    const status = awaited.wait(event, 10_000);
    await orders.report(event);
    await payments.report(undefined, { goodbye: true });
    expect(await status).toBe('applied');
    awaited.stop();
  });

  it('shares one query with everybody else, up to a thousand', async () => {
    const { waiting, taking, awaited } = await startWaiting();
    await instance(taking).report();
    const event = await revoke(waiting);
    const looks = jest.spyOn(waiting.get(Receipts), 'reachedByAll');
    const all = Array.from({ length: 1_000 }, () => awaited.wait(event, 700));
    expect(await awaited.wait(event, 20_000)).toBe('pending');
    expect(new Set(await Promise.all(all))).toEqual(new Set(['pending']));
    expect(looks.mock.calls.length).toBeLessThan(20);
    awaited.stop();
  });
});
