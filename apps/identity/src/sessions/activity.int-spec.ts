import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { Accounts } from '../accounts/accounts.js';
import { AuditLog, STRANGER_ACTOR } from '../audit/audit-log.js';
import type { OwnActivity } from '../audit/owner-view.js';
import { CuttingOff } from '../operators/cutting-off.js';
import { RoleChanges } from '../operators/role-changes.js';
import { SessionEnding } from '../operators/session-ending.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { Sessions } from './sessions.js';

jest.setTimeout(120_000);

const ALICE = { name: 'alice', roles: [] };
const HOW = { reason: 'case 4711' };

let replica: Replica;
let identity: ServingIdentity;
beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  identity = await startServing(replica.databaseUrl);
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

let people = 0;
const addAccount = () => {
  people += 1;
  return replica
    .get(Accounts)
    .addVerified(`p${String(people)}@example.test`, 'unused', ['support']);
};
async function signIn(accountId: string) {
  const sessions = replica.get(Sessions);
  const { session, accessToken } = await sessions.begin(accountId, {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: 'a laptop',
    userAgent: 'a browser',
    ip: '192.0.2.7',
  });
  return { sid: session.sid, accessToken };
}
const ask = (token?: string, path = '/auth/activity') =>
  fetch(`${identity.public}${path}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
async function activityOf(accountId: string): Promise<OwnActivity[]> {
  const answer = await ask((await signIn(accountId)).accessToken);
  expect(answer.status).toBe(200);
  const { items, next_cursor: next } = (await answer.json()) as {
    items: OwnActivity[];
    next_cursor: null;
  };
  expect(next).toBeNull();
  // The sign-in that asks.
  expect(items.shift()).toMatchObject({ action: 'sign_in', by: 'you' });
  return items;
}

it('an owner sees sign-ins and failed ones with where they came from, and nothing of others', async () => {
  const [ann, bob] = [await addAccount(), await addAccount()];
  const { sid } = await signIn(ann);
  await replica.database.transaction((tx) =>
    replica.get(AuditLog).record(tx, {
      actor: STRANGER_ACTOR,
      action: 'sign_in.fail',
      target: ann,
      accountId: ann,
      personal: { ip: '203.0.113.9', user_agent: 'a robot' },
      details: { reason: 'wrong_password' },
    }),
  );
  expect(await activityOf(bob)).toEqual([]);
  expect(await activityOf(ann)).toEqual([
    {
      action: 'sign_in.fail',
      at: expect.any(Number),
      by: 'somebody',
      ip: '203.0.113.9',
      user_agent: 'a robot',
      device_name: null,
      sid: null,
      details: { reason: 'wrong_password' },
    },
    {
      action: 'sign_in',
      at: expect.any(Number),
      by: 'you',
      ip: '192.0.2.7',
      user_agent: 'a browser',
      device_name: 'a laptop',
      sid,
      details: { client_id: 'first-party', delivery: 'bearer', remember: false },
    },
  ]);
});

it('every way in which a session ends leaves a row with the account and why; of operators only that it was them', async () => {
  const accountId = await addAccount();
  const email = `p${String(people)}@example.test`;
  const { accessToken } = await signIn(accountId);
  const logout = await fetch(`${identity.public}/auth/logout`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'user-agent': 'a phone' },
  });
  expect(logout.status).toBeLessThan(300);
  const ending = replica.get(SessionEnding);
  const { sid } = await signIn(accountId);
  await ending.endSession(ALICE, sid, HOW);
  await ending.endAllOf(ALICE, email, HOW);
  await ending.disable(ALICE, accountId, HOW);
  await ending.enable(ALICE, accountId, HOW);
  await signIn(accountId);
  await replica
    .get(CuttingOff)
    .cutOff(ALICE, { kind: 'sub', id: accountId }, { ...HOW, endSessions: true });
  await replica.get(RoleChanges).take(ALICE, accountId, 'support', HOW);
  const seen = (await activityOf(accountId)).filter(({ action }) => action !== 'sign_in');
  expect(seen).toMatchObject([
    { action: 'user.take_role', by: 'operators', details: { role: 'support', roles: [] } },
    { action: 'revocation.add', by: 'operators', details: { ended_sessions: 1 } },
    { action: 'user.enable', by: 'operators', details: {} },
    { action: 'user.disable', by: 'operators', details: { sessions: 0 } },
    { action: 'sessions.end', by: 'operators', sid: null, details: { of: 'account', sessions: 0 } },
    { action: 'sessions.end', by: 'operators', sid, details: { of: 'session', sessions: 1 } },
    { action: 'session.end', by: 'you', user_agent: 'a phone', details: { reason: 'logout' } },
  ]);
  expect(JSON.stringify(seen)).not.toMatch(/alice|4711|epoch|seq|cutoff/);
  const internal = await replica.get(AuditLog).list({ accountId, actor: 'operator:alice' }, 50);
  expect(internal.map(({ details }) => details['reason'])).toEqual(Array(6).fill('case 4711'));
});

it('it is the last fifty, for who is signed in and nobody else', async () => {
  const accountId = await addAccount();
  for (let n = 0; n < 55; n += 1) {
    await replica.database.transaction((tx) =>
      replica.get(AuditLog).record(tx, {
        actor: STRANGER_ACTOR,
        // Rows that are not for owners take no place from those that are.
        action: n < 5 ? 'session.store_behind' : 'sign_in.fail',
        target: accountId,
        accountId,
        details: { reason: String(n) },
      }),
    );
  }
  const reasons = (await activityOf(accountId)).map(({ details }) => details['reason']);
  expect(reasons).toEqual(Array.from({ length: 49 }, (_, n) => String(54 - n)));
  expect((await ask()).status).toBe(401);
  expect((await ask('x')).status).toBe(401);
});
