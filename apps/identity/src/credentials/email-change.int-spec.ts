import { jest } from '@jest/globals';
import { stopReplicas } from '../../test/identity-under-test.js';
import { lastMailTo, mailsTo, tokenIn, tokenSentTo } from '../../test/mailbox.js';
import { whenWaiting } from '../../test/lock-waits.js';
import { FROM, PASSWORD, startPeople, whileComparing } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { Accounts } from '../accounts/accounts.js';
import { takeLocks } from '../platform/locks.js';
import { SessionEnding } from '../operators/session-ending.js';
import { EmailChange } from './email-change.js';
import { PasswordChange } from './password-change.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordReset } from './password-reset.js';
import { Registration } from './registration.js';

jest.setTimeout(120_000);

const OTHER = 'another horse battery';
const rejected = { code: 'email_token_rejected' };

let people: People;
beforeAll(async () => {
  people = await startPeople();
});
afterAll(async () => {
  people.replica.get(PasswordHasher).close();
  await stopReplicas();
});

/** Somebody with an account who is signed in. */
async function owner(email: string) {
  const accountId = await people.add(email);
  const { session } = await people.signIn(email);
  return { accountId, sid: session.sid, from: FROM };
}
const changes = () => people.replica.get(EmailChange);
const addressOf = async (id: string) => (await people.replica.get(Accounts).findById(id))?.email;
const isLive = async (sid: string) =>
  (await people.query(`SELECT FROM sessions WHERE sid = $1 AND ended_at IS NULL`, [sid])).length ===
  1;

it('the new address confirms, both are told, and sessions go on', async () => {
  const ann = await owner('ann@example.test');
  await changes().request(ann, 'ann.new@example.test', PASSWORD);
  expect(await lastMailTo(people.replica, 'ann@example.test')).toContain('is to be changed');
  expect(await addressOf(ann.accountId)).toBe('ann@example.test');
  const token = await tokenSentTo(people.replica, 'ann.new@example.test');
  await changes().confirm(ann, token);
  expect(await addressOf(ann.accountId)).toBe('ann.new@example.test');
  expect(await lastMailTo(people.replica, 'ann@example.test')).toContain('another address now');
  expect(await isLive(ann.sid)).toBe(true);
  await expect(people.signIn('ann.new@example.test')).resolves.toBeDefined();
  await expect(people.signIn('ann@example.test')).rejects.toMatchObject({
    code: 'credentials_rejected',
  });
  await expect(changes().confirm(ann, token)).rejects.toMatchObject(rejected);
  const actions = (await people.activity(ann.accountId)).map(({ action }) => action);
  expect(actions).toEqual(expect.arrayContaining(['email.request_change', 'email.change']));
});

it('needs the current password and a live session; a wrong one is a row that the owner sees', async () => {
  const bob = await owner('bob@example.test');
  await expect(changes().request(bob, 'b@example.test', 'wrong')).rejects.toMatchObject({
    code: 'current_password_rejected',
  });
  expect((await people.activity(bob.accountId)).at(-1)).toEqual({
    action: 'sign_in.fail',
    personal: FROM,
    details: { reason: 'wrong_current_password' },
  });
  await expect(changes().request(bob, 'bob@example.test', PASSWORD)).rejects.toMatchObject({
    code: 'invalid_input',
    errors: [{ pointer: '/email' }],
  });
  await people.query(`UPDATE sessions SET ended_at = now() WHERE sid = $1`, [bob.sid]);
  await expect(changes().request(bob, 'b@example.test', PASSWORD)).rejects.toMatchObject({
    code: 'session_ended',
  });
  expect(await mailsTo(people.replica, 'b@example.test')).toEqual([]);
});

it('a password that is changed while it is compared asks for nothing', async () => {
  const cyd = await owner('cyd@example.test');
  await expect(
    whileComparing(
      people,
      () => people.replica.get(PasswordChange).change(cyd, PASSWORD, OTHER),
      () => changes().request(cyd, 'cyd.new@example.test', PASSWORD),
    ),
  ).rejects.toMatchObject({ code: 'current_password_rejected' });
  expect(await mailsTo(people.replica, 'cyd.new@example.test')).toEqual([]);
});

it('an address of somebody else is answered alike; only that address is told', async () => {
  await people.add('taken@example.test');
  const carl = await owner('carl@example.test');
  await expect(changes().request(carl, 'taken@example.test', PASSWORD)).resolves.toBeUndefined();
  const mail = await lastMailTo(people.replica, 'taken@example.test');
  expect(mail).toContain('Another account has it');
  expect(mail).not.toMatch(/^ {2}[\w-]{43}$/m);
  expect(await lastMailTo(people.replica, 'carl@example.test')).toContain('is to be changed');
});

it('an address that somebody proves meanwhile is theirs; one that somebody only began with is not', async () => {
  const dora = await owner('dora@example.test');
  await changes().request(dora, 'contested@example.test', PASSWORD);
  const token = await tokenSentTo(people.replica, 'contested@example.test');
  const id = await people.add('contested@example.test');
  await expect(changes().confirm(dora, token)).rejects.toMatchObject(rejected);
  await people.query(`UPDATE accounts SET email_verified_at = NULL WHERE id = $1`, [id]);
  await changes().confirm(dora, token);
  expect(await addressOf(dora.accountId)).toBe('contested@example.test');
  expect(await addressOf(id)).toBeUndefined();
});

it('nobody but the account itself, in a live session, gives it an address: a click in that mailbox moves nothing', async () => {
  const mallory = await owner('mallory@example.test');
  await changes().request(mallory, 'victim@example.test', PASSWORD);
  const mail = await lastMailTo(people.replica, 'victim@example.test');
  expect(mail).toContain('The account of mallory@example.test');
  const token = tokenIn(mail);
  const registration = people.replica.get(Registration);
  await registration.register('victim@example.test', FROM);
  const own = await tokenSentTo(people.replica, 'victim@example.test');
  const bystander = await owner('bystander@example.test');
  await expect(changes().confirm(bystander, token)).rejects.toMatchObject(rejected);

  // Whoever clicks the other of the two messages has the account that they asked for, with a password of theirs alone.
  await registration.verifyEmail(own, OTHER, FROM);
  await expect(changes().confirm(mallory, token)).rejects.toMatchObject(rejected);
  await expect(people.signIn('victim@example.test', OTHER)).resolves.toBeDefined();
  expect(await addressOf(mallory.accountId)).toBe('mallory@example.test');

  await changes().request(mallory, 'mallory.new@example.test', PASSWORD);
  const late = await tokenSentTo(people.replica, 'mallory.new@example.test');
  await people.query(`UPDATE sessions SET ended_at = now() WHERE sid = $1`, [mallory.sid]);
  await expect(changes().confirm(mallory, late)).rejects.toMatchObject({ code: 'session_ended' });
  const { session } = await people.signIn('mallory@example.test');
  await changes().confirm({ ...mallory, sid: session.sid }, late);
});

it('a reset of an account that stands in the way is done before it goes, or not at all', async () => {
  const lea = await owner('lea@example.test');
  await changes().request(lea, 'lea.new@example.test', PASSWORD);
  const token = await tokenSentTo(people.replica, 'lea.new@example.test');
  await people.replica.get(Registration).register('lea.new@example.test', FROM);
  const { id } = (await people.replica.get(Accounts).findByEmail('lea.new@example.test'))!;
  let changing: Promise<void> | undefined;
  await people.replica.database.transaction(async (tx) => {
    await takeLocks(tx, [{ resource: 'account', id, mode: 'exclusive' }]);
    changing = changes().confirm(lea, token);
    changing.catch(() => undefined);
    await whenWaiting(people, 1);
    await tx.query(`UPDATE accounts SET email_verified_at = now() WHERE id = $1`, [id]);
  });
  await expect(changing).rejects.toMatchObject(rejected);
  expect(await addressOf(id)).toBe('lea.new@example.test');
});

it('a password reset at the old address stops it, and its messages open nothing after it', async () => {
  const eve = await owner('eve@example.test');
  await changes().request(eve, 'thief@example.test', PASSWORD);
  const change = await tokenSentTo(people.replica, 'thief@example.test');
  const reset = people.replica.get(PasswordReset);
  await reset.request('eve@example.test', FROM);
  const first = await tokenSentTo(people.replica, 'eve@example.test');
  await reset.confirm(first, OTHER, FROM);
  await expect(changes().confirm(eve, change)).rejects.toMatchObject(rejected);

  const { session } = await people.signIn('eve@example.test', OTHER);
  await reset.request('eve@example.test', FROM);
  const second = await tokenSentTo(people.replica, 'eve@example.test');
  await changes().request({ ...eve, sid: session.sid }, 'eve.new@example.test', OTHER);
  await changes().confirm(
    { ...eve, sid: session.sid },
    await tokenSentTo(people.replica, 'eve.new@example.test'),
  );
  await expect(reset.confirm(second, PASSWORD, FROM)).rejects.toMatchObject(rejected);
});

it('the earlier address takes a change back for three days, whatever the thief has done since', async () => {
  const fay = await owner('fay@example.test');
  await changes().request(fay, 'thief2@example.test', PASSWORD);
  await changes().confirm(fay, await tokenSentTo(people.replica, 'thief2@example.test'));
  const restoring = await tokenSentTo(people.replica, 'fay@example.test');
  const reset = people.replica.get(PasswordReset);
  await reset.request('thief2@example.test', FROM);
  await reset.confirm(await tokenSentTo(people.replica, 'thief2@example.test'), OTHER, FROM);
  const { session } = await people.signIn('thief2@example.test', OTHER);
  await changes().request({ ...fay, sid: session.sid }, 'thief3@example.test', OTHER);
  await changes().confirm(
    { ...fay, sid: session.sid },
    await tokenSentTo(people.replica, 'thief3@example.test'),
  );
  // And somebody has begun an account with the address that is free now.
  await people.replica.get(Registration).register('fay@example.test', FROM);

  await expect(changes().restore(restoring, 'fay@example', FROM)).rejects.toMatchObject({
    code: 'invalid_input',
  });
  await changes().restore(restoring, 'the third password', FROM);
  expect(await addressOf(fay.accountId)).toBe('fay@example.test');
  expect(await isLive(session.sid)).toBe(false);
  await expect(people.signIn('fay@example.test', 'the third password')).resolves.toBeDefined();
  expect(await lastMailTo(people.replica, 'thief3@example.test')).toContain('taken back');
  expect(
    await people.query(`SELECT FROM email_tokens WHERE account_id = $1`, [fay.accountId]),
  ).toEqual([]);
  const row = await people.query<{ days: number }>(
    `SELECT extract(epoch FROM expires_at - created_at)::float8 / 86400 AS days FROM email_tokens
     WHERE purpose = 'restore_email' LIMIT 1`,
  );
  expect(row).toEqual([{ days: 3 }]);
});

it('a thief who moves it twice and takes the second move back does not keep the owner from taking back the first', async () => {
  const hal = await owner('hal@example.test');
  await changes().request(hal, 'thief4@example.test', PASSWORD);
  await changes().confirm(hal, await tokenSentTo(people.replica, 'thief4@example.test'));
  const ofOwner = await tokenSentTo(people.replica, 'hal@example.test');
  await changes().request(hal, 'thief5@example.test', PASSWORD);
  await changes().confirm(hal, await tokenSentTo(people.replica, 'thief5@example.test'));
  const ofThief = await tokenSentTo(people.replica, 'thief4@example.test');

  await changes().restore(ofThief, OTHER, FROM);
  await expect(changes().restore(ofThief, OTHER, FROM)).rejects.toMatchObject(rejected);
  await changes().restore(ofOwner, 'the third password', FROM);
  expect(await addressOf(hal.accountId)).toBe('hal@example.test');
});

it('nobody moves the address of a disabled account; enabled again, only an earlier address can', async () => {
  const ida = await owner('ida@example.test');
  await changes().request(ida, 'thief6@example.test', PASSWORD);
  await changes().confirm(ida, await tokenSentTo(people.replica, 'thief6@example.test'));
  const restoring = await tokenSentTo(people.replica, 'ida@example.test');
  await changes().request(ida, 'thief7@example.test', PASSWORD);
  const change = await tokenSentTo(people.replica, 'thief7@example.test');
  await people.query(`UPDATE accounts SET disabled_at = now() WHERE id = $1`, [ida.accountId]);
  await expect(changes().confirm(ida, change)).rejects.toMatchObject(rejected);
  await expect(changes().restore(restoring, OTHER, FROM)).rejects.toMatchObject(rejected);

  const operator = { name: 'olga', roles: [] };
  await people.replica.get(SessionEnding).disable(operator, ida.accountId, {});
  await people.replica.get(SessionEnding).enable(operator, ida.accountId, {});
  await expect(changes().confirm(ida, change)).rejects.toMatchObject(rejected);
  await changes().restore(restoring, OTHER, FROM);
  expect(await addressOf(ida.accountId)).toBe('ida@example.test');
});

it('of several at once one wins, and nobody is locked up', async () => {
  const gus = await owner('gus@example.test');
  await changes().request(gus, 'gus.new@example.test', PASSWORD);
  const token = await tokenSentTo(people.replica, 'gus.new@example.test');
  const results = await Promise.allSettled([
    changes().confirm(gus, token),
    people.replica.get(Registration).register('gus.new@example.test', FROM),
    people.replica.get(PasswordReset).request('gus@example.test', FROM),
    people.replica.get(Registration).register('gus@example.test', FROM),
    changes().confirm(gus, token),
  ]);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject(rejected);
  }
  const known = await people.query(`SELECT FROM accounts WHERE id = $1`, [gus.accountId]);
  expect(known).toHaveLength(1);
});
