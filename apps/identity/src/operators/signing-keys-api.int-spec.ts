import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@countersign/service-host';
import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { startOperatorListener } from '../../test/operator-listener.js';
import type { OperatorListener } from '../../test/operator-listener.js';
import { LOGGER } from '../platform/platform.module.js';
import { CheckIns } from '../relying-services/check-ins.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { OPERATOR_ROLES } from './operator.js';

let replica: Replica;
let listener: OperatorListener;
let token: string;
beforeEach(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  const declared = { id: 'orders', audience: 'orders', secretSha256: Buffer.alloc(32, 1) };
  await replica.get(RelyingServices).reconcile([declared]);
  listener = await startOperatorListener(replica);
  token = await listener.addOperator('ann', OPERATOR_ROLES);
});
afterEach(() => listener.close());
afterAll(stopReplicas);

interface Body {
  readonly items: readonly { readonly kid: string; readonly state: string }[];
}
async function ask(method: string, path: string, body?: unknown) {
  const answer = await listener.ask(token, method, `/operator/keys${path}`, body);
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Body };
}
const listed = async () => (await ask('GET', '')).body.items;
const states = async () => (await listed()).map(({ state }) => state);
const audited = () =>
  replica.database.run((manager) =>
    manager.query<unknown[]>(
      `SELECT actor, action, target, details FROM audit WHERE actor = 'operator:ann' ORDER BY id`,
    ),
  );
const ORDERS = '00000000-0000-4000-8000-00000000000a';
const checkIn = (kids: readonly string[]) =>
  replica.get(CheckIns).checkIn('orders', { instanceId: ORDERS, kids, applied: undefined });

it('lists the keys, and shows nothing of their private halves', async () => {
  const { body } = await ask('GET', '');
  expect(body.items).toMatchObject([
    { state: 'active', activated_at: expect.any(Number), tokens_until: null },
    { state: 'prepared', activated_at: null, retired_at: null, ended_at: null },
  ]);
  expect(JSON.stringify(body)).not.toMatch(/sealed|private|"d":/);
});

it('the plan says what the next key waits for; a dry run says what a rotation would, and changes nothing', async () => {
  const [active, prepared] = await listed();
  await checkIn([active!.kid]);
  const behind = [{ service: 'orders', instance_id: ORDERS, silent: false }];
  const now = Date.now() / 1000;
  const { body: plan } = await ask('GET', '/plan');
  expect(plan).toMatchObject({
    steps: [],
    waiting: { kid: prepared!.kid, for: 'calendar', behind, overdue: false },
  });
  const { until } = (plan as unknown as { waiting: { until: number } }).waiting;
  expect(Math.abs(until - now - 30 * 86_400)).toBeLessThan(60);
  expect(await ask('POST', '/rotate', { dry_run: true })).toMatchObject({
    status: 200,
    body: { dry_run: true, applied: [], plan: { waiting: { for: 'publication', behind } } },
  });
  expect(await ask('GET', '/plan?request=force')).toMatchObject({
    body: {
      steps: [
        { do: 'add', as: 'prepared' },
        { do: 'activate', kid: prepared!.kid, retires: active!.kid, despite: behind },
      ],
    },
  });
  expect(await states()).toEqual(['active', 'prepared']);
  expect(await audited()).toEqual([]);
});

it('a rotation that must wait answers 202; a forced one is done, and both are on record', async () => {
  const [active, prepared] = await listed();
  expect(await ask('POST', '/rotate', {})).toMatchObject({
    status: 202,
    body: { applied: [], plan: { waiting: { for: 'publication' } } },
  });
  await checkIn([active!.kid]);
  const alarm = jest.spyOn(replica.get<Logger>(LOGGER as never), 'error');
  const forced = await ask('POST', '/rotate', { force: true, reason: 'a drill' });
  expect(alarm.mock.calls).toEqual([
    [
      { kid: prepared!.kid, behind: [{ service: 'orders', instanceId: ORDERS, silent: false }] },
      'a key signs now that not every instance has reported',
    ],
  ]);
  expect(forced).toMatchObject({ status: 200, body: { plan: { waiting: { for: 'calendar' } } } });
  expect(await states()).toEqual(['retired', 'active', 'prepared']);
  const entry = { actor: 'operator:ann', action: 'key.request_rotation', target: prepared!.kid };
  expect(await audited()).toMatchObject([
    { ...entry, details: { forced: false } },
    { ...entry, details: { forced: true, reason: 'a drill' } },
  ]);
  expect(await ask('POST', `/${active!.kid}/purge`, {})).toMatchObject({
    status: 409,
    body: {
      code: 'signing_key_in_use',
      detail: expect.stringMatching(/may live for another \d+ s/),
    },
  });
});

it('a revoked key is replaced at once, and another is prepared', async () => {
  const [active, prepared] = await listed();
  await checkIn([active!.kid, prepared!.kid]);
  const answer = await listener.ask(token, 'POST', `/operator/keys/${active!.kid}/revoke`, {
    reason: 'found in a log',
  });
  expect(answer.status).toBe(202);
  expect(await answer.json()).toMatchObject({
    kid: active!.kid,
    signs: prepared!.kid,
    revocation: { epoch: 1, seq: 1, status: 'pending' },
  });
  for (let tries = 0; tries < 300 && (await states()).length < 3; tries += 1) await delay(50);
  expect(await states()).toEqual(['revoked', 'active', 'prepared']);
  expect(await audited()).toMatchObject([
    { action: 'key.activate', target: prepared!.kid },
    { action: 'key.revoke', target: active!.kid, details: { reason: 'found in a log' } },
  ]);
  expect(await ask('POST', `/${active!.kid}/revoke`, { reason: 'again' })).toMatchObject({
    status: 409,
    body: { code: 'signing_key_revoked' },
  });
});

it.each([
  ['/rotate', { force: 'yes' }],
  ['/rotate', { now: true }],
  ['/k/revoke', {}],
  ['/k/revoke', { reason: '' }],
  ['/k/revoke', { reason: 'x', fresh: 1 }],
  ['/k/purge', { force: true }],
  ['/k%20k/revoke', { reason: 'x' }],
])('refuses POST %s with %j, and nothing changes', async (path, body) => {
  expect((await ask('POST', path, body)).status).toBe(400);
  expect(await states()).toEqual(['active', 'prepared']);
  expect(await audited()).toEqual([]);
});
