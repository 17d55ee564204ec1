import { jest } from '@jest/globals';
import pg from 'pg';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { AuditLog } from '../audit/audit-log.js';
import { CheckIns } from '../relying-services/check-ins.js';
import { HeldKeys } from '../relying-services/held-keys.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { KeyRevocation } from './key-revocation.js';
import { KeyRing } from './key-ring.js';
import { KeyRotation } from './key-rotation.js';
import { KeyVault } from './key-vault.js';

afterEach(() => jest.restoreAllMocks());
afterAll(stopReplicas);

const order = { reason: 'stolen', fresh: false };
const sql = (replica: Replica, text: string) =>
  replica.database.run((manager) => manager.query<Record<string, unknown>[]>(text));
const kidsOf = (replica: Replica) =>
  replica
    .get(KeyRing)
    .document()
    .keys.map(({ kid }) => kid!);
/** The state of each key, by its kid. */
async function stateOf(replica: Replica): Promise<Record<string, string>> {
  const rows = await sql(replica, `SELECT kid, state FROM signing_keys`);
  return Object.fromEntries(rows.map(({ kid, state }) => [String(kid), String(state)]));
}
const signerOf = async (replica: Replica) =>
  (await replica.database.transaction((tx) => replica.get(KeyRing).activeSigner(tx))).kid;
const revoke = (replica: Replica, kid: string, how = order) =>
  replica.get(KeyRevocation).revoke('operator:ann', kid, how);
const events = (replica: Replica) =>
  sql(replica, `SELECT kind, id, expires_at FROM revocations ORDER BY seq`);

async function start() {
  const replica = await startReplica();
  await replica.get(RelyingServices).reconcile([]);
  await replica.get(KeyRing).load();
  const [active, prepared] = kidsOf(replica) as [string, string];
  return { replica, active, prepared };
}

it('the prepared key signs at once, in every replica; the bad one leaves the JWKS, and its tokens are revoked for ever', async () => {
  const { replica, active, prepared } = await start();
  const other = await startReplica({ databaseUrl: replica.databaseUrl });
  await other.get(KeyRing).load();
  const { event, signs } = await revoke(replica, active);
  expect(signs).toBe(prepared);
  expect(event).toMatchObject({ kind: 'kid', id: active, expiresAt: null });
  expect(await Promise.all([replica, other].map(signerOf))).toEqual([prepared, prepared]);
  await other.get(KeyRing).follow();
  expect(kidsOf(other)).toEqual([prepared]);
  expect(await events(replica)).toEqual([{ kind: 'kid', id: active, expires_at: null }]);
  expect(
    await sql(replica, `SELECT sealed_private_key FROM signing_keys WHERE state = 'revoked'`),
  ).toEqual([{ sealed_private_key: null }]);
  expect((await sql(replica, `SELECT * FROM audit ORDER BY id DESC LIMIT 1`))[0]).toMatchObject({
    actor: 'operator:ann',
    action: 'key.revoke',
    target: active,
    details: { was: 'active', signs: prepared, fresh: false, reason: 'stolen' },
  });
  await replica.get(KeyRotation).turn();
  expect(Object.values(await stateOf(replica)).sort()).toEqual(['active', 'prepared', 'revoked']);
});

/** Does something each time that reports are looked at, before the next time. */
function whenReportsAreRead(replica: Replica, then: () => Promise<unknown>) {
  const heldKeys = replica.get(HeldKeys);
  const read = heldKeys.read.bind(heldKeys);
  return jest.spyOn(heldKeys, 'read').mockImplementation(async (manager) => {
    const reading = await read(manager);
    await then();
    return reading;
  });
}
const reporting = (replica: Replica, kids: string[]) =>
  replica.get(CheckIns).checkIn('identity', {
    instanceId: '00000000-0000-4000-8000-000000000001',
    kids,
    applied: undefined,
  });

it('with a fresh key the prepared one does not sign; replicas publish the fresh one first', async () => {
  const { replica, active, prepared } = await start();
  await reporting(replica, kidsOf(replica));
  const meanwhile: Record<string, string>[] = [];
  const looked = whenReportsAreRead(replica, async () => {
    meanwhile.push(await stateOf(replica));
    await replica.get(KeyRing).follow();
    await reporting(replica, kidsOf(replica));
  });
  const { signs } = await revoke(replica, active, { ...order, fresh: true });
  expect(looked).toHaveBeenCalledTimes(2);
  for (const states of meanwhile) {
    expect(states).toEqual({ [active]: 'active', [prepared]: 'prepared', [signs]: 'prepared' });
  }
  expect([active, prepared]).not.toContain(signs);
  expect(await stateOf(replica)).toEqual({
    [active]: 'revoked',
    [prepared]: 'prepared',
    [signs]: 'active',
  });
});

it('a replica that does not publish the fresh key holds the revocation up for less than half a second', async () => {
  const { replica, active } = await start();
  await reporting(replica, []);
  const vault = replica.get(KeyVault);
  const made = await vault.make();
  jest.spyOn(vault, 'make').mockResolvedValue(made);
  const looks = jest.spyOn(replica.get(HeldKeys), 'read');
  const { signs } = await revoke(replica, active, { ...order, fresh: true });
  // One in 25 milliseconds.
  expect(looks.mock.calls.length).toBeLessThan(20);
  expect(await stateOf(replica)).toMatchObject({ [active]: 'revoked', [signs]: 'active' });
});

it('a fresh key that is revoked before it signs is passed over for the one that was prepared', async () => {
  const { replica, active, prepared } = await start();
  const vault = replica.get(KeyVault);
  const made = await vault.make();
  jest.spyOn(vault, 'make').mockResolvedValueOnce(made);
  whenReportsAreRead(replica, () => revoke(replica, made.kid));
  expect((await revoke(replica, active, { ...order, fresh: true })).signs).toBe(prepared);
  expect(await stateOf(replica)).toEqual({
    [active]: 'revoked',
    [prepared]: 'active',
    [made.kid]: 'revoked',
  });
});

it('asks the database six times, its transaction included', async () => {
  const { replica, active, prepared } = await start();
  // Once before, so that this connection has its statements prepared.
  await revoke(replica, prepared);
  await replica.get(KeyRotation).turn();
  const asked = jest.spyOn(pg.Client.prototype, 'query');
  await revoke(replica, active);
  const texts = asked.mock.calls.map(([query]) =>
    typeof query === 'string' ? query : (query as unknown as { text: string }).text,
  );
  const ours = texts.filter((text) => !/^SELECT|LISTEN/.test(text));
  expect(ours.map((text) => /^\W*\w+/.exec(text)?.[0])).toEqual([
    'BEGIN',
    'UPDATE',
    'WITH',
    'WITH',
    'WITH',
    'COMMIT',
  ]);
});

it('a prepared key that is revoked never signs, and another is prepared', async () => {
  const { replica, active, prepared } = await start();
  expect((await revoke(replica, prepared)).signs).toBe(active);
  // Even now the signing key can be revoked: what signs next is made first.
  const { signs } = await revoke(replica, active);
  expect(await stateOf(replica)).toEqual({
    [active]: 'revoked',
    [prepared]: 'revoked',
    [signs]: 'active',
  });
  await replica.get(KeyRotation).turn();
  expect(Object.values(await stateOf(replica))).toContain('prepared');
});

it('all or nothing: when the log cannot be written, the key still signs', async () => {
  const { replica, active, prepared } = await start();
  jest.spyOn(replica.get(RevocationLog), 'append').mockRejectedValue(new Error('died'));
  await expect(revoke(replica, active)).rejects.toThrow('died');
  expect(await stateOf(replica)).toEqual({ [active]: 'active', [prepared]: 'prepared' });
  expect((await replica.get(AuditLog).list({}, 1))[0]?.action).not.toBe('key.revoke');
});

it('an unknown key and one that has been revoked are refused, and nothing changes', async () => {
  const { replica, active } = await start();
  await revoke(replica, active);
  const before = await stateOf(replica);
  await expect(revoke(replica, active)).rejects.toMatchObject({ code: 'signing_key_revoked' });
  await expect(revoke(replica, 'nobody')).rejects.toMatchObject({ code: 'unknown_signing_key' });
  expect(await stateOf(replica)).toEqual(before);
  expect(await events(replica)).toHaveLength(1);
});

it('two operators who revoke the same key at once make one revocation', async () => {
  const { replica, active } = await start();
  const done = await Promise.allSettled([1, 2, 3].map(() => revoke(replica, active)));
  expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await events(replica)).toHaveLength(1);
});
