import { jest } from '@jest/globals';
import { decodeJwt } from 'jose';
import { stopReplicas } from '../../test/identity-under-test.js';
import { whenWaiting } from '../../test/lock-waits.js';
import { lastMailTo, tokenSentTo } from '../../test/mailbox.js';
import { FROM, PASSWORD, startPeople } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { endSessionsIn } from '../sessions/end-sessions.js';
import { EmailChange } from './email-change.js';
import { PasswordChange } from './password-change.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordReset } from './password-reset.js';

jest.setTimeout(120_000);

const OTHER = 'another horse battery';

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
  const { session, refreshToken, accessToken } = await people.signIn(email);
  return { accountId, sid: session.sid, from: FROM, refreshToken, accessToken };
}
const change = (who: Awaited<ReturnType<typeof owner>>, current = PASSWORD, next = OTHER) =>
  people.replica.get(PasswordChange).change(who, current, next);

it('the other sessions end, this one goes on with other credentials, and the owner is told', async () => {
  const ann = await owner('ann@example.test');
  const { session: elsewhere } = await people.signIn('ann@example.test');
  const renewed = await change(ann);
  expect(renewed.session.sid).toBe(ann.sid);
  expect(renewed.refreshToken).toMatch(/\./);
  expect(renewed.refreshToken).not.toBe(ann.refreshToken);
  const sessions = await people.query(
    `SELECT sid, end_reason FROM sessions WHERE account_id = $1 ORDER BY created_at`,
    [ann.accountId],
  );
  expect(sessions).toEqual([
    { sid: ann.sid, end_reason: null },
    { sid: elsewhere.sid, end_reason: 'password_changed' },
  ]);
  // Copies of this session's access token die too.
  const revoked = await people.query<{ cutoff: string }>(
    `SELECT kind, id, cutoff FROM revocations ORDER BY seq`,
  );
  expect(revoked).toEqual([
    { kind: 'sid', id: elsewhere.sid, cutoff: null },
    { kind: 'sub', id: ann.accountId, cutoff: expect.any(String) },
  ]);
  const cutoff = Number(revoked[1]!.cutoff);
  expect(decodeJwt(ann.accessToken).iat).toBeLessThanOrEqual(cutoff);
  expect(decodeJwt(renewed.accessToken).iat).toBeGreaterThan(cutoff);
  await expect(people.signIn('ann@example.test')).rejects.toMatchObject({
    code: 'credentials_rejected',
  });
  await expect(people.signIn('ann@example.test', OTHER)).resolves.toBeDefined();
  expect(await lastMailTo(people.replica, 'ann@example.test')).toContain('was changed');
  const actions = (await people.activity(ann.accountId)).map(({ action }) => action);
  expect(actions).toContain('password.change');
});

it('a wrong current password, an unsuitable new one or an ended session changes nothing', async () => {
  const bob = await owner('bob.bobson@example.test');
  await expect(change(bob, 'wrong')).rejects.toMatchObject({ code: 'current_password_rejected' });
  await expect(change(bob, PASSWORD, 'bob.bobson1')).rejects.toMatchObject({
    code: 'invalid_input',
    errors: [{ pointer: '/new_password' }],
  });
  await people.query(`UPDATE sessions SET ended_at = now() WHERE sid = $1`, [bob.sid]);
  await expect(change(bob)).rejects.toMatchObject({ code: 'session_ended' });
  await expect(people.signIn('bob.bobson@example.test')).resolves.toBeDefined();
});

it('no password is made of words that are known here', async () => {
  const eva = await owner('eva@example.test');
  await expect(change(eva, PASSWORD, 'Countersign2026')).rejects.toMatchObject({
    code: 'invalid_input',
    errors: [{ pointer: '/new_password' }],
  });
});

it('messages that are under way open nothing afterwards', async () => {
  const carl = await owner('carl@example.test');
  await people.replica.get(PasswordReset).request('carl@example.test', FROM);
  const reset = await tokenSentTo(people.replica, 'carl@example.test');
  await people.replica.get(EmailChange).request(carl, 'thief@example.test', PASSWORD);
  const email = await tokenSentTo(people.replica, 'thief@example.test');
  await change(carl);
  const rejected = { code: 'email_token_rejected' };
  await expect(
    people.replica.get(PasswordReset).confirm(reset, 'a third password', FROM),
  ).rejects.toMatchObject(rejected);
  await expect(people.replica.get(EmailChange).confirm(carl, email)).rejects.toMatchObject(
    rejected,
  );
});

it('of several at once one wins', async () => {
  const dora = await owner('dora@example.test');
  const results = await Promise.allSettled([
    change(dora, PASSWORD, 'the first password'),
    change(dora, PASSWORD, 'the other password'),
  ]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const won = results[0].status === 'fulfilled' ? 'the first password' : 'the other password';
  await expect(people.signIn('dora@example.test', won)).resolves.toBeDefined();
});

it('a change and a cut-off by client in the same moment do not lock each other up', async () => {
  const kim = await owner('kim@example.test');
  await people.signIn('kim@example.test');
  let changing!: Promise<unknown>;
  await people.replica.database.transaction(async (tx) => {
    const position = await people.replica
      .get(RevocationLog)
      .append(tx, { kind: 'client', id: 'first-party' });
    changing = change(kim);
    changing.catch(() => undefined);
    await whenWaiting(people, 1);
    await endSessionsIn(tx, { accountId: kim.accountId }, 'operator', position);
  });
  await expect(changing).rejects.toMatchObject({ code: 'session_ended' });
});

// Last: the messages of whoever serves are in another folder.
describe('over HTTP', () => {
  let serving: ServingIdentity;
  beforeAll(async () => {
    serving = await startServing(people.replica.databaseUrl);
  });
  afterAll(() => serving.stop());

  it.each([
    ['too short', 'seven77'],
    ['too common', 'password123'],
    ['too like the address', 'mallory.mallow1'],
    ['made of known words', 'Countersign2026'],
  ])('a new password that is refused (%s) costs no hash', async (why, next) => {
    const email = `mallory.mallow@${why.replaceAll(' ', '-')}.example.test`;
    const { accessToken } = await owner(email);
    const hashing = [
      jest.spyOn(PasswordHasher.prototype, 'verify'),
      jest.spyOn(PasswordHasher.prototype, 'hash'),
    ];
    try {
      const answer = await fetch(`${serving.public}/auth/password`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
        body: JSON.stringify({ current_password: PASSWORD, new_password: next }),
      });
      expect([answer.status, await answer.json()]).toMatchObject([
        400,
        { code: 'invalid_input', errors: [{ pointer: '/new_password' }] },
      ]);
      for (const spy of hashing) expect(spy).not.toHaveBeenCalled();
    } finally {
      for (const spy of hashing) spy.mockRestore();
    }
  });
});
