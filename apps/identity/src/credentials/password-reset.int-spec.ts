import { jest } from '@jest/globals';
import { stopReplicas } from '../../test/identity-under-test.js';
import { lastMailTo, mailsTo, tokenSentTo } from '../../test/mailbox.js';
import { whenWaiting } from '../../test/lock-waits.js';
import { FROM, PASSWORD, startPeople } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { Accounts } from '../accounts/accounts.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { EmailChange } from './email-change.js';
import { PasswordChange } from './password-change.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordReset } from './password-reset.js';
import { Registration } from './registration.js';

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

const ask = (email: string) => people.replica.get(PasswordReset).request(email, FROM);
const confirm = (token: string, password = OTHER) =>
  people.replica.get(PasswordReset).confirm(token, password, FROM);
const tokenFor = async (email: string) => {
  await ask(email);
  return tokenSentTo(people.replica, email);
};
const rejected = { code: 'email_token_rejected' };

it('a forgotten password is replaced by a message: once, and every session ends', async () => {
  const id = await people.add('ann@example.test');
  const { session } = await people.signIn('ann@example.test');
  const token = await tokenFor('ann@example.test');
  expect(await lastMailTo(people.replica, 'ann@example.test')).toContain('for 30 minutes');
  await confirm(token);
  await expect(people.signIn('ann@example.test')).rejects.toMatchObject({
    code: 'credentials_rejected',
  });
  await expect(people.signIn('ann@example.test', OTHER)).resolves.toBeDefined();
  await expect(confirm(token, PASSWORD)).rejects.toMatchObject(rejected);
  const [row] = await people.query<{ end_reason: string }>(
    `SELECT end_reason FROM sessions WHERE sid = $1`,
    [session.sid],
  );
  expect(row).toEqual({ end_reason: 'password_reset' });
  const cutoff = await people.replica.database.run((m) =>
    people.replica.get(RevocationLog).cutoffFor(m, id, 'first-party'),
  );
  expect(cutoff).toBeGreaterThan(0);
  expect(await lastMailTo(people.replica, 'ann@example.test')).toContain('was changed');
  const actions = (await people.activity(id)).map(({ action }) => action);
  expect(actions).toEqual(
    expect.arrayContaining(['password.request_reset', 'password.reset', 'sign_in.fail']),
  );
});

describe('a sign-in whose password was compared just before', () => {
  /** Does something between the comparison and the session. */
  function afterComparing(work: () => Promise<unknown>): void {
    const hasher = people.replica.get(PasswordHasher);
    const verify = hasher.verify.bind(hasher);
    jest.spyOn(hasher, 'verify').mockImplementationOnce(async (hash, password) => {
      const matches = await verify(hash, password);
      await work();
      return matches;
    });
  }

  it('it was replaced: begins nothing', async () => {
    const id = await people.add('ben@example.test');
    const token = await tokenFor('ben@example.test');
    afterComparing(() => confirm(token));
    await expect(people.signIn('ben@example.test')).rejects.toMatchObject({
      code: 'credentials_rejected',
    });
    const live = `SELECT sid FROM sessions WHERE account_id = $1 AND ended_at IS NULL`;
    expect(await people.query(live, [id])).toEqual([]);
  });

  it('it was only hashed anew: begins a session', async () => {
    const id = await people.add('bea@example.test');
    const again = await people.replica.get(PasswordHasher).hash(PASSWORD);
    afterComparing(() =>
      people.query(`UPDATE accounts SET password_hash = $2 WHERE id = $1`, [id, again]),
    );
    await expect(people.signIn('bea@example.test')).resolves.toBeDefined();
  });
});

it('of several messages one works, and of several tries at once', async () => {
  await people.add('bob@example.test');
  const first = await tokenFor('bob@example.test');
  const second = await tokenFor('bob@example.test');
  expect(second).not.toBe(first);
  const tries = [confirm(first), confirm(second), confirm(first)];
  const results = await Promise.allSettled(tries);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

it('an account that goes while its password is set is not answered as if it had one', async () => {
  await people.replica.get(Registration).register('gone@example.test', FROM);
  const token = await tokenFor('gone@example.test');
  let setting: Promise<void> | undefined;
  await people.replica.database.transaction(async (tx) => {
    await tx.query(`DELETE FROM accounts WHERE email = 'gone@example.test'`);
    setting = confirm(token);
    setting.catch(() => undefined);
    await whenWaiting(people, 1);
  });
  await expect(setting).rejects.toMatchObject(rejected);
  expect(await mailsTo(people.replica, 'gone@example.test')).toHaveLength(2);
});

it('a token is good for half an hour', async () => {
  await people.add('old@example.test');
  const token = await tokenFor('old@example.test');
  const [row] = await people.query<{ seconds: number }>(
    `SELECT extract(epoch FROM expires_at - created_at)::float8 AS seconds FROM email_tokens
     WHERE purpose = 'reset_password' ORDER BY created_at DESC LIMIT 1`,
  );
  expect(row!.seconds).toBe(1800);
  await people.query(`UPDATE email_tokens SET expires_at = now() - interval '1 second'`);
  await expect(confirm(token)).rejects.toMatchObject(rejected);
});

it('an unsuitable password does not spend the token', async () => {
  await people.add('carl.carlson@example.test');
  const token = await tokenFor('carl.carlson@example.test');
  await expect(confirm(token, 'carl.carlson1')).rejects.toMatchObject({
    code: 'invalid_input',
    errors: [{ pointer: '/password' }],
  });
  await expect(confirm(token)).resolves.toBeUndefined();
});

it('an address that was not verified is by this', async () => {
  await people.replica.get(Registration).register('new@example.test', FROM);
  const verification = await tokenSentTo(people.replica, 'new@example.test');
  await expect(confirm(verification)).rejects.toMatchObject(rejected);
  await confirm(await tokenFor('new@example.test'));
  await expect(people.signIn('new@example.test', OTHER)).resolves.toBeDefined();
  await expect(
    people.replica.get(Registration).verifyEmail(verification, PASSWORD, FROM),
  ).rejects.toMatchObject(rejected);
});

it('who has no account, or a disabled one, gets a message that opens nothing', async () => {
  const id = await people.add('off@example.test');
  const before = await tokenFor('off@example.test');
  await people.query(`UPDATE accounts SET disabled_at = now() WHERE id = $1`, [id]);
  for (const email of ['off@example.test', 'nobody@example.test']) {
    await ask(email);
    const mail = await lastMailTo(people.replica, email);
    expect(mail).toContain('No account that can be used');
    expect(mail).not.toMatch(/^ {2}[\w-]{43}$/m);
  }
  // Nor does what was sent before.
  await expect(confirm(before)).rejects.toMatchObject(rejected);
  expect(await mailsTo(people.replica, 'nobody@example.test')).toHaveLength(1);
});

it('however a password is set, it is another one for whoever has proved the one before', async () => {
  const { replica } = people;
  const version = async (id: string) => (await replica.get(Accounts).findById(id))?.passwordVersion;
  const email = 'kim@example.test';
  await replica.get(Registration).register(email, FROM);
  const { id } = (await replica.get(Accounts).findByEmail(email))!;
  expect(await version(id)).toBe(0);
  const token = () => tokenSentTo(replica, email);
  await replica.get(Registration).verifyEmail(await token(), PASSWORD, FROM);
  expect(await version(id)).toBe(1);
  await replica.get(PasswordReset).request(email, FROM);
  await replica.get(PasswordReset).confirm(await token(), 'another horse', FROM);
  expect(await version(id)).toBe(2);
  const { session } = await people.signIn(email, 'another horse');
  const owner = { accountId: id, sid: session.sid, from: FROM };
  await replica.get(PasswordChange).change(owner, 'another horse', PASSWORD);
  expect(await version(id)).toBe(3);
  await replica.get(EmailChange).request(owner, 'kim.new@example.test', PASSWORD);
  const confirming = await tokenSentTo(replica, 'kim.new@example.test');
  await replica.get(EmailChange).confirm(owner, confirming);
  expect(await version(id)).toBe(3);
  await replica.get(EmailChange).restore(await token(), 'another horse', FROM);
  expect(await version(id)).toBe(4);
});
