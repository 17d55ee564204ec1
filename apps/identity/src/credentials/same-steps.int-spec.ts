import { jest } from '@jest/globals';
import { Client } from 'pg';
import { stopReplicas } from '../../test/identity-under-test.js';
import { FROM, PASSWORD, startPeople } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordReset } from './password-reset.js';
import { Registration } from './registration.js';

jest.setTimeout(120_000);

let people: People;
beforeAll(async () => {
  people = await startPeople({ settings: { PASSWORD_HASH_PROCESSES: '1' } });
  await people.replica.get(PasswordHasher).start();
  await people.add('verified@example.test');
  const id = await people.add('disabled@example.test');
  await people.query(`UPDATE accounts SET disabled_at = now() WHERE id = $1`, [id]);
  await people.replica.get(Registration).register('unverified@example.test', FROM);
});
afterAll(async () => {
  people.replica.get(PasswordHasher).close();
  await stopReplicas();
});

/** What one request does: each statement, in order, each hash, and how many rows it adds where. */
interface Steps {
  readonly outcome: string;
  readonly statements: readonly string[];
  readonly hashes: readonly string[];
  readonly added: Readonly<Record<string, number>>;
}

const TABLES = ['mail_outbox', 'email_tokens', 'audit', 'sessions'] as const;
const counts = () =>
  Promise.all(
    TABLES.map(async (table) => {
      const [row] = await people.query<{ n: number }>(
        `SELECT count(*)::integer AS n FROM ${table}`,
      );
      return row!.n;
    }),
  );

async function stepsOf(act: () => Promise<unknown>): Promise<Steps> {
  const before = await counts();
  const passwords = people.replica.get(PasswordHasher);
  const query = jest.spyOn(Client.prototype, 'query');
  const hash = jest.spyOn(passwords, 'hash');
  const verify = jest.spyOn(passwords, 'verify');
  const outcome = await act().then(
    () => 'done',
    (error: unknown) => `${(error as { code: string }).code}: ${(error as Error).message}`,
  );
  const statements = query.mock.calls.map(([given]: unknown[]) =>
    typeof given === 'string' ? given : (given as { text: string }).text,
  );
  const hashes = [...hash.mock.calls.map(() => 'hash'), ...verify.mock.calls.map(() => 'verify')];
  jest.restoreAllMocks();
  const after = await counts();
  const added = Object.fromEntries(TABLES.map((table, n) => [table, after[n]! - before[n]!]));
  return { outcome, statements, hashes, added };
}

async function expectAlike(
  act: (email: string, n: number) => () => Promise<unknown>,
  emails: readonly string[],
): Promise<Steps> {
  // Once before, so that every connection is open.
  await stepsOf(act('warm@example.test', 99));
  const all: Steps[] = [];
  for (const [n, email] of emails.entries()) all.push(await stepsOf(act(email, n)));
  for (const steps of all) expect(steps).toEqual(all[0]);
  return all[0]!;
}

const KINDS = ['nobody', 'verified', 'disabled', 'unverified'].map(
  (name) => `${name}@example.test`,
);

it('a sign-in that fails takes the same steps whatever the reason', async () => {
  const steps = await expectAlike(
    // The right password, except for the one account that it would open.
    (email) => () => people.signIn(email, email.startsWith('verified') ? 'wrong' : PASSWORD),
    KINDS,
  );
  expect(steps.outcome).toBe('credentials_rejected: credentials_rejected');
  expect(steps.hashes).toEqual(['verify']);
  expect(steps.statements).toHaveLength(2);
  expect(steps.added).toEqual({ mail_outbox: 0, email_tokens: 0, audit: 1, sessions: 0 });
});

it('of those who ask at once nobody gets ahead by having an account', async () => {
  const passwords = people.replica.get(PasswordHasher);
  const verify = passwords.verify.bind(passwords);
  const order: number[] = [];
  let asked = 0;
  jest.spyOn(passwords, 'verify').mockImplementation(async (...given) => {
    const n = (asked += 1);
    const matches = await verify(...given);
    order.push(n);
    return matches;
  });
  const emails = ['1', '2', '3'].map((n) => `nobody-${n}@example.test`);
  await Promise.all(
    [...emails, 'verified@example.test', 'unverified@example.test'].map((email) =>
      people.signIn(email, 'wrong').catch(() => undefined),
    ),
  );
  jest.restoreAllMocks();
  expect(order).toEqual([1, 2, 3, 4, 5]);
});

it('so does asking for an account', async () => {
  const steps = await expectAlike(
    (email) => () => people.replica.get(Registration).register(email, FROM),
    KINDS,
  );
  expect(steps.outcome).toBe('done');
  expect(steps.hashes).toEqual([]);
  expect(steps.added).toEqual({ mail_outbox: 1, email_tokens: 1, audit: 1, sessions: 0 });
});

it('so does asking for a new password', async () => {
  const steps = await expectAlike(
    (email) => () => people.replica.get(PasswordReset).request(email, FROM),
    ['stranger@example.test', ...KINDS.slice(1)],
  );
  expect(steps.outcome).toBe('done');
  expect(steps.hashes).toEqual([]);
  expect(steps.added).toEqual({ mail_outbox: 1, email_tokens: 1, audit: 1, sessions: 0 });
});

it('the row about a failure names the account where there is one, never the address', async () => {
  const [last] = await people.query<{ id: string }>(`SELECT max(id) AS id FROM audit`);
  for (const email of KINDS) await people.signIn(email, 'wrong').catch(() => undefined);
  const rows = await people.query<{ account_id: string | null; details: unknown }>(
    `SELECT account_id, details, personal FROM audit WHERE id > $1 ORDER BY id`,
    [last!.id],
  );
  expect(rows.map(({ account_id, details }) => [account_id !== null, details])).toEqual([
    // Asking for an account has made one above.
    [true, { reason: 'unverified' }],
    [true, { reason: 'wrong_password' }],
    [true, { reason: 'wrong_password' }],
    [true, { reason: 'unverified' }],
  ]);
  await people.signIn('stranger@example.test', 'wrong').catch(() => undefined);
  const [none] = await people.query(
    `SELECT actor, action, target, account_id, details, personal->>'ip' AS ip FROM audit ORDER BY id DESC LIMIT 1`,
  );
  expect(none).toEqual({
    actor: 'stranger',
    action: 'sign_in.fail',
    target: null,
    account_id: null,
    details: { reason: 'no_account' },
    ip: FROM.ip,
  });
  expect(JSON.stringify(await people.query(`SELECT * FROM audit`))).not.toContain('@example.test');
});

it('a hash made with other parameters is made anew at the next sign-in', async () => {
  const weak = await startPeople({
    databaseUrl: people.replica.databaseUrl,
    settings: { ARGON2_MEMORY_KIB: '7168', ARGON2_PASSES: '5' },
  });
  await weak.add('old@example.test');
  weak.replica.get(PasswordHasher).close();
  const stored = async () => {
    const [row] = await people.query<{ password_hash: string }>(
      `SELECT password_hash FROM accounts WHERE email = 'old@example.test'`,
    );
    return row!.password_hash;
  };
  const first = await stored();
  expect(first).toMatch(/^\$argon2id\$v=19\$m=7168,t=5,p=1\$/);
  await expect(people.signIn('old@example.test', 'wrong')).rejects.toThrow();
  expect(await stored()).toBe(first);
  await people.signIn('old@example.test');
  const second = await stored();
  expect(second).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  const again = await stepsOf(() => people.signIn('old@example.test'));
  expect([again.outcome, again.hashes]).toEqual(['done', ['verify']]);
  expect(await stored()).toBe(second);
});
