import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { lastMailTo, tokenSentTo } from '../../test/mailbox.js';
import { Accounts } from '../accounts/accounts.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { CredentialsPurge } from './credentials-purge.js';
import { EmailTokens } from './email-tokens.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordReset } from './password-reset.js';
import { Registration } from './registration.js';
import { SignIn } from './sign-in.js';

let replica: Replica;
beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  await replica.get(RevocationLog).noteLifetime(300);
});
afterAll(async () => {
  replica.get(PasswordHasher).close();
  await stopReplicas();
});

const context = {
  clientId: undefined,
  delivery: 'bearer',
  remember: false,
  deviceName: null,
  userAgent: null,
  ip: '127.0.0.1',
} as const;
const signIn = (email: string, password: string) =>
  replica.get(SignIn).withPassword(email, password, context);
const personal = { ip: '192.0.2.7', user_agent: 'a test' };
const register = (email: string) => replica.get(Registration).register(email, personal);
const verify = (token: string, password: string) =>
  replica.get(Registration).verifyEmail(token, password, personal);

it('an address becomes an account only by its message, with the password given there', async () => {
  await register('one@example.test');
  await expect(signIn('one@example.test', 'correct horse battery')).rejects.toMatchObject({
    code: 'credentials_rejected',
  });
  const token = await tokenSentTo(replica, 'one@example.test');
  await verify(token, 'correct horse battery');
  await expect(signIn('one@example.test', 'correct horse battery')).resolves.toMatchObject({
    expiresIn: expect.any(Number) as number,
  });
  await expect(signIn('one@example.test', 'wrong horse battery')).rejects.toMatchObject({
    code: 'credentials_rejected',
  });
  const account = await replica.get(Accounts).findByEmail('one@example.test');
  expect(account!.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  await expect(verify(token, 'another password!')).rejects.toMatchObject({
    code: 'email_token_rejected',
  });
});

it('a token is spent once, also when it is used twice at once', async () => {
  await register('two@example.test');
  const token = await tokenSentTo(replica, 'two@example.test');
  const results = await Promise.allSettled([
    verify(token, 'the first password'),
    verify(token, 'the other password'),
  ]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

it('asking again for a known address changes nothing and tells only its owner', async () => {
  const before = await replica.get(Accounts).findByEmail('one@example.test');
  await expect(register('one@example.test')).resolves.toBeUndefined();
  expect(await lastMailTo(replica, 'one@example.test')).toContain('You have an account already');
  expect(await lastMailTo(replica, 'one@example.test')).not.toMatch(/^ {2}[\w-]{43}$/m);
  expect(await replica.get(Accounts).findByEmail('one@example.test')).toEqual(before);
});

it('of several messages to one address any works, and then none', async () => {
  await register('four@example.test');
  const first = await tokenSentTo(replica, 'four@example.test');
  await register('four@example.test');
  const second = await tokenSentTo(replica, 'four@example.test');
  await verify(first, 'correct horse battery');
  await expect(verify(second, 'correct horse battery')).rejects.toMatchObject({
    code: 'email_token_rejected',
  });
});

it('a token that was written while another was spent opens nothing: it is for the first password only', async () => {
  await register('six@example.test');
  await verify(await tokenSentTo(replica, 'six@example.test'), 'the first password');
  const { id } = (await replica.get(Accounts).findByEmail('six@example.test'))!;
  const late = await replica.database.transaction((tx) =>
    replica.get(EmailTokens).issue(tx, id, 'verify_email'),
  );
  await expect(verify(late, 'the other password')).rejects.toMatchObject({
    code: 'email_token_rejected',
  });
  await expect(signIn('six@example.test', 'the first password')).resolves.toBeDefined();
});

it('messages and tokens can be read by nobody else', async () => {
  const [name] = await readdir(replica.mailDir);
  expect((await stat(join(replica.mailDir, name!))).mode & 0o077).toBe(0);
  await register('five@example.test');
  const token = await tokenSentTo(replica, 'five@example.test');
  const rows = JSON.stringify(
    await replica.database.run((m) => m.query(`SELECT * FROM email_tokens`)),
  );
  expect(rows).not.toContain(token);
});

it('more sign-ins at once than may wait are turned away at once, and the others served', async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 12 }, () => signIn('nobody@example.test', 'x')),
  );
  const codes = results.map((result) =>
    result.status === 'rejected' ? (result.reason as { code: string }).code : 'ok',
  );
  expect(codes.filter((code) => code === 'overloaded').length).toBeGreaterThanOrEqual(1);
  expect(codes.filter((code) => code === 'credentials_rejected').length).toBeGreaterThanOrEqual(4);
  expect(new Set(codes)).toEqual(new Set(['overloaded', 'credentials_rejected']));
});

it('an account that a stranger merely asked for keeps no operator from making it', async () => {
  const email = 'operators@example.test';
  await register(email);
  const token = await tokenSentTo(replica, email);
  const accounts = replica.get(Accounts);
  const hash = await replica.get(PasswordHasher).hash('correct horse battery');
  const id = await accounts.addVerified(email, hash, ['support']);
  expect(await accounts.findByEmail(email)).toMatchObject({ id, roles: ['support'] });
  await expect(signIn(email, 'correct horse battery')).resolves.toBeDefined();
  await expect(verify(token, 'another horse battery')).rejects.toMatchObject({
    code: 'email_token_rejected',
  });
  // One that is somebody's, or that was disabled, stays as it is.
  await replica.database.run((m) =>
    m.query(`UPDATE accounts SET disabled_at = now(), email_verified_at = NULL WHERE id = $1`, [
      id,
    ]),
  );
  for (const address of [email, 'one@example.test']) {
    await expect(accounts.addVerified(address, hash, ['customer'])).rejects.toMatchObject({
      code: 'account_exists',
    });
  }
});

it('what nobody has verified goes after eight days, and tokens when they are over', async () => {
  const query = <T>(sql: string) => replica.database.run((m) => m.query<T[]>(sql));
  const known = async (email: string) => (await replica.get(Accounts).findByEmail(email)) !== null;
  const names = ['stale', 'again', 'banned', 'asking', 'proved'].map(
    (name) => `purge-${name}@example.test`,
  );
  for (const email of names) await register(email);
  await query(
    `UPDATE accounts SET created_at = now() - interval '193 hours' WHERE email LIKE 'purge-%'`,
  );
  await query(`UPDATE email_tokens SET expires_at = now() - interval '1 second'`);
  await query(
    `UPDATE accounts SET email_verified_at = now() WHERE email = 'purge-proved@example.test'`,
  );
  await query(`UPDATE accounts SET disabled_at = now() WHERE email = 'purge-banned@example.test'`);
  await register('purge-again@example.test');
  await replica.get(PasswordReset).request('purge-asking@example.test', personal);
  await replica.get(PasswordReset).request('purge-nobody@example.test', personal);
  await replica.get(CredentialsPurge).job.run();
  expect(await Promise.all(names.map(known))).toEqual([false, true, true, true, true]);
  const left = await query<{ live: boolean }>(
    `SELECT expires_at > now() AS live FROM email_tokens`,
  );
  expect(left).toEqual([{ live: true }, { live: true }, { live: true }]);
});
