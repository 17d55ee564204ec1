import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@countersign/service-host';
import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { LOGGER } from '../platform/platform.module.js';
import { HeartbeatProof } from '../revocation/heartbeat-proof.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { CheckIns } from './check-ins.js';
import { RelyingServices } from './relying-services.js';

afterAll(stopReplicas);

const orders = { id: 'orders', audience: 'orders', secretSha256: Buffer.alloc(32, 1) };
const rows = (replica: Replica, table: string) =>
  replica.database.run((manager) =>
    manager.query<Record<string, unknown>[]>(`SELECT * FROM ${table}`),
  );

it('keeps what an instance says, and answers with the head', async () => {
  const replica = await startReplica();
  await replica.get(RelyingServices).reconcile([orders]);
  await replica.get(HeartbeatProof).load();
  await replica.database.transaction((tx) =>
    replica.get(RevocationLog).append(tx, { kind: 'sid', id: 's' }),
  );
  const instanceId = randomUUID();
  const checkIns = replica.get(CheckIns);
  const answer = await checkIns.checkIn('orders', { instanceId, kids: ['k'], applied: undefined });
  expect(answer.head).toEqual({ epoch: 1, seq: 1 });
  await checkIns.checkIn('orders', {
    instanceId,
    kids: ['k', 'l'],
    applied: { epoch: 1, seq: 1 },
    proof: 'p',
  });
  expect(await rows(replica, 'relying_service_instances')).toMatchObject([
    { instance_id: instanceId, kids: ['k', 'l'], epoch: 1, seq: '1', proof: 'p', left_at: null },
  ]);
  await checkIns.checkIn('orders', { instanceId, kids: [], applied: undefined, goodbye: true });
  expect((await rows(replica, 'relying_service_instances'))[0]!['left_at']).toBeInstanceOf(Date);
});

it('a report that proves lost history raises the epoch, and is answered with the new head', async () => {
  const replica = await startReplica();
  await replica.get(RelyingServices).reconcile([orders]);
  const proofs = replica.get(HeartbeatProof);
  await proofs.load();
  const report = { instanceId: randomUUID(), kids: [], applied: { epoch: 1, seq: 7 } };
  const checkIns = replica.get(CheckIns);
  const alarm = jest.spyOn(replica.get<Logger>(LOGGER as never), 'error');
  const doubted = await checkIns.checkIn('orders', report);
  expect(alarm).toHaveBeenCalledWith(
    expect.objectContaining({ serviceId: 'orders', instanceId: report.instanceId }),
    expect.stringContaining('never written here'),
  );
  expect(doubted.head).toEqual({ epoch: 1, seq: 0 });
  const proven = await checkIns.checkIn('orders', {
    ...report,
    proof: proofs.proofOf({ epoch: 1, seq: 6 }),
  });
  expect(proven.head).toEqual({ epoch: 2, seq: 1 });
  expect(await rows(replica, 'relying_service_instances')).toMatchObject([{ epoch: null }]);
});

it('an instance that comes back joins anew', async () => {
  const replica = await startReplica();
  await replica.get(RelyingServices).reconcile([orders]);
  const report = { instanceId: randomUUID(), kids: [], applied: undefined };
  const joined = async () =>
    (await rows(replica, 'relying_service_instances'))[0]!['joined_at'] as Date;
  await replica.get(CheckIns).checkIn('orders', report);
  const first = await joined();
  await replica.get(CheckIns).checkIn('orders', report);
  expect(await joined()).toEqual(first);
  await replica.get(CheckIns).checkIn('orders', { ...report, goodbye: true });
  await replica.get(CheckIns).checkIn('orders', report);
  expect((await joined()).getTime()).toBeGreaterThan(first.getTime());
});

it('the declaration is the truth: services are added, changed and withdrawn, and identity is always one', async () => {
  const replica = await startReplica();
  const services = replica.get(RelyingServices);
  await services.reconcile([orders, { ...orders, id: 'gateway', audience: null }]);
  await services.reconcile([{ ...orders, audience: 'orders-2' }]);
  const known: Record<string, Record<string, unknown>> = Object.fromEntries(
    (await rows(replica, 'relying_services')).map((row) => [row['id'], row]),
  );
  expect(known['orders']).toMatchObject({ audience: 'orders-2', withdrawn_at: null });
  expect(known['gateway']!['withdrawn_at']).toBeInstanceOf(Date);
  expect(known['identity']).toMatchObject({ audience: 'identity', withdrawn_at: null });
});

it('a report is stored before the head is read: what is committed meanwhile is in the answer', async () => {
  const replica = await startReplica();
  await replica.get(RelyingServices).reconcile([orders]);
  const report = { instanceId: randomUUID(), kids: [], applied: undefined };
  await replica.get(CheckIns).checkIn('orders', report);
  let answer: ReturnType<CheckIns['checkIn']> | undefined;
  await replica.database.transaction(async (tx) => {
    await tx.query(`SELECT 1 FROM relying_service_instances FOR UPDATE`);
    answer = replica.get(CheckIns).checkIn('orders', report);
    await delay(200);
    await replica.database.transaction((other) =>
      replica.get(RevocationLog).append(other, { kind: 'sid', id: 's' }),
    );
  });
  expect((await answer!).head).toEqual({ epoch: 1, seq: 1 });
});

it('an instance of a withdrawn service is counted on until it is silent: till then it may accept tokens', async () => {
  const replica = await startReplica();
  const services = replica.get(RelyingServices);
  await services.reconcile([orders]);
  await replica.get(HeartbeatProof).load();
  const instanceId = randomUUID();
  await replica.get(CheckIns).checkIn('orders', { instanceId, kids: [], applied: undefined });
  await services.reconcile([]);
  expect(await rows(replica, 'live_instances')).toMatchObject([{ instance_id: instanceId }]);
});
