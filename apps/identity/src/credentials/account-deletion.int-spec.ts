import { jest } from '@jest/globals';
import { stopReplicas } from '../../test/identity-under-test.js';
import { whenWaiting } from '../../test/lock-waits.js';
import { lastMailTo, tokenSentTo } from '../../test/mailbox.js';
import { FROM, PASSWORD, startPeople, whileComparing } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { Accounts } from '../accounts/accounts.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { endSessionsIn } from '../sessions/end-sessions.js';
import { OwnSessions } from '../sessions/own-sessions.js';
import { AccountDeletion } from './account-deletion.js';
import { AccountExport } from './account-export.js';
import { PasswordChange } from './password-change.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordReset } from './password-reset.js';
import { Registration } from './registration.js';

jest.setTimeout(120_000);

let people: People;
beforeAll(async () => {
  people = await startPeople();
});
afterAll(async () => {
  people.replica.get(PasswordHasher).close();
  await stopReplicas();
});

async function owner(email: string) {
  const accountId = await people.add(email);
  const { session } = await people.signIn(email);
  return { accountId, sid: session.sid, from: FROM };
}
const signedInLongAgo = ({ sid }: { sid: string }) =>
  people.query(`UPDATE sessions SET auth_time = now() - interval '301 seconds' WHERE sid = $1`, [
    sid,
  ]);
const erase = (who: Awaited<ReturnType<typeof owner>>, password?: string) =>
  people.replica.get(AccountDeletion).delete(who, password);
const exportOf = (who: Awaited<ReturnType<typeof owner>>, password?: string) =>
  people.replica.get(AccountExport).export(who, password);

it('a deleted account is gone with all that is personal; its tokens die; the address is free', async () => {
  const ann = await owner('ann@example.test');
  await expect(people.signIn('ann@example.test', 'wrong')).rejects.toThrow();
  await people.replica.get(PasswordReset).request('ann@example.test', FROM);
  const token = await tokenSentTo(people.replica, 'ann@example.test');
  await erase(ann, PASSWORD);

  expect(await people.replica.get(Accounts).findById(ann.accountId)).toBeNull();
  for (const table of ['sessions', 'email_tokens']) {
    const left = await people.query(`SELECT FROM ${table} WHERE account_id = $1`, [ann.accountId]);
    expect(left).toEqual([]);
  }
  const activity = await people.activity(ann.accountId);
  expect(activity.map(({ action }) => action)).toContain('account.delete');
  expect(activity.length).toBeGreaterThan(3);
  expect(activity.filter(({ personal }) => personal !== null)).toEqual([]);
  expect(JSON.stringify(await people.query(`SELECT * FROM audit`))).not.toMatch(/ann@|192\.0\.2/);
  const cutoff = await people.replica.database.run((m) =>
    people.replica.get(RevocationLog).cutoffFor(m, ann.accountId, 'first-party'),
  );
  expect(cutoff).toBeGreaterThan(0);

  expect(await lastMailTo(people.replica, 'ann@example.test')).toContain('was deleted');
  await expect(people.signIn('ann@example.test')).rejects.toMatchObject({
    code: 'credentials_rejected',
  });
  await expect(
    people.replica.get(PasswordReset).confirm(token, 'another horse', FROM),
  ).rejects.toMatchObject({ code: 'email_token_rejected' });
  await people.replica.get(Registration).register('ann@example.test', FROM);
  const fresh = await tokenSentTo(people.replica, 'ann@example.test');
  await people.replica.get(Registration).verifyEmail(fresh, 'another horse', FROM);
  const { session } = await people.signIn('ann@example.test', 'another horse');
  expect(session.accountId).not.toBe(ann.accountId);
});

it.each([
  ['deleting', erase],
  ['exporting', exportOf],
])('%s needs the current password, or a sign-in of the last five minutes', async (name, act) => {
  const bob = await owner(`bob-${name}@example.test`);
  await signedInLongAgo(bob);
  await expect(act(bob)).rejects.toMatchObject({ code: 'recent_sign_in_required' });
  await expect(act(bob, 'wrong')).rejects.toMatchObject({ code: 'current_password_rejected' });
  await expect(act(bob, PASSWORD)).resolves.toBeDefined();
  const carl = await owner(`carl-${name}@example.test`);
  await expect(act(carl, 'wrong')).rejects.toMatchObject({ code: 'current_password_rejected' });
  await expect(act(carl)).resolves.toBeDefined();
});

it('nobody gets a session of an account that is being deleted', async () => {
  const dora = await owner('dora@example.test');
  const results = await Promise.allSettled([
    people.signIn('dora@example.test'),
    erase(dora),
    people.signIn('dora@example.test'),
    erase(dora),
  ]);
  for (const result of results) {
    if (result.status === 'rejected')
      expect(['credentials_rejected', 'session_ended']).toContain(
        (result.reason as { code: string }).code,
      );
  }
  expect([results[1].status, results[3].status].sort()).toEqual(['fulfilled', 'rejected']);
  expect(
    await people.query(`SELECT FROM sessions WHERE account_id = $1`, [dora.accountId]),
  ).toEqual([]);
});

it('a deletion and whoever ends sessions in the same moment do not lock each other up', async () => {
  const flo = await owner('flo@example.test');
  const { database } = people.replica;
  let deleting!: Promise<unknown>;
  await database.transaction(async (tx) => {
    // As a logout does it, or a cut-off by client: the head first, then the rows.
    const position = await people.replica
      .get(RevocationLog)
      .append(tx, { kind: 'client', id: 'first-party' });
    deleting = erase(flo);
    deleting.catch(() => undefined);
    await whenWaiting(people, 1);
    expect(await endSessionsIn(tx, { accountId: flo.accountId }, 'operator', position)).toBe(1);
  });
  await expect(deleting).resolves.toBeDefined();
});

it('a logout that a deletion overtakes leaves nothing personal', async () => {
  const gil = await owner('gil@example.test');
  const how = { receiptWanted: false, from: FROM };
  let both!: Promise<PromiseSettledResult<unknown>[]>;
  await people.replica.database.transaction(async (tx) => {
    await tx.query(`SELECT FROM revocation_head FOR UPDATE`);
    const deleting = erase(gil);
    deleting.catch(() => undefined);
    await whenWaiting(people, 1);
    const leaving = people.replica.get(OwnSessions).end(gil, 'logout', how);
    both = Promise.allSettled([deleting, leaving]);
    await whenWaiting(people, 2);
  });
  const [deleted, left] = await both;
  expect(deleted).toMatchObject({ status: 'fulfilled' });
  expect(left).toMatchObject({ status: 'rejected', reason: { code: 'session_ended' } });
  const activity = await people.activity(gil.accountId);
  expect(activity.filter(({ personal }) => personal !== null)).toEqual([]);
});

it.each([
  ['before', true],
  ['after', false],
] as const)(
  'a failed sign-in that ends just %s its account leaves nothing personal',
  async (when, before) => {
    const email = `hal-${when}@example.test`;
    const hal = await owner(email);
    const failing = () => people.signIn(email, 'wrong').catch(() => undefined);
    let deleting!: Promise<unknown>;
    if (before) {
      // What was personal has been erased, and the account is still there.
      await people.replica.database.transaction(async (tx) => {
        await tx.query(`SELECT FROM revocation_head FOR UPDATE`);
        deleting = erase(hal);
        await whenWaiting(people, 1);
        await failing();
      });
      await deleting;
    } else {
      await whileComparing(people, () => erase(hal), failing);
    }
    const activity = await people.activity(hal.accountId);
    expect(activity.map(({ action }) => action)).toContain('sign_in.fail');
    expect(activity.filter(({ personal }) => personal !== null)).toEqual([]);
  },
);

it.each([
  ['deleting', erase],
  ['exporting', exportOf],
])('%s by a password that is changed while it is compared is refused', async (name, act) => {
  const ida = await owner(`ida-${name}@example.test`);
  const change = () => people.replica.get(PasswordChange).change(ida, PASSWORD, 'another horse');
  await expect(
    whileComparing<unknown>(people, change, () => act(ida, PASSWORD)),
  ).rejects.toMatchObject({
    code: 'current_password_rejected',
  });
  await expect(act(ida, 'another horse')).resolves.toBeDefined();
});

it('whatever has ended before goes too', async () => {
  const jo = await owner('jo@example.test');
  await people.query(
    `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, auth_time, created_at, last_seen_at, expires_at, ended_at)
     SELECT gen_random_uuid(), account_id, client_id, delivery, false, auth_time, created_at, last_seen_at, expires_at, now()
     FROM sessions, generate_series(1, 5001) WHERE sid = $1`,
    [jo.sid],
  );
  await erase(jo);
  const left = await people.query(`SELECT FROM sessions WHERE account_id = $1`, [jo.accountId]);
  expect(left).toEqual([]);
});

it('what is exported is everything about its owner, and no secret', async () => {
  const eve = await owner('eve@example.test');
  await expect(people.signIn('eve@example.test', 'wrong')).rejects.toThrow();
  const other = await owner('other@example.test');
  const all = await exportOf(eve);
  expect(all.account).toMatchObject({ id: eve.accountId, email: 'eve@example.test' });
  expect(all.complete).toBe(true);
  expect(all.sessions).toEqual([
    expect.objectContaining({ sid: eve.sid, ip: FROM.ip, user_agent: FROM.user_agent }),
  ]);
  expect(all.activity.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['sign_in.fail', 'account.export']),
  );
  expect(JSON.stringify(all.activity)).not.toContain(other.sid);
});
