import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { whenWaiting } from '../../test/lock-waits.js';
import { startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { Accounts } from '../accounts/accounts.js';
import { EmailTokens } from '../credentials/email-tokens.js';
import type { TokenPurpose } from '../credentials/email-tokens.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { takeLocks } from '../platform/locks.js';
import { HASHING_ROUTES } from './limited-routes.js';

jest.setTimeout(120_000);

const PASSWORD = 'the right password';
const WRONG = { current_password: 'a wrong password' };

let replica: Replica;
let identity: ServingIdentity;
let passwordHash: string;
beforeAll(async () => {
  replica = await startReplica();
  passwordHash = await replica.get(PasswordHasher).hash(PASSWORD);
  identity = await startServing(replica.databaseUrl, {
    TRUSTED_PROXIES: '127.0.0.0/8,::1/128',
    // A network has sixteen of these places. Thirty requests, and one more, would find room without it.
    PASSWORD_HASH_PROCESSES: '1',
    PASSWORD_HASH_QUEUE: '31',
  });
});
afterAll(async () => {
  await identity.stop();
  replica.get(PasswordHasher).close();
  await stopReplicas();
});

const post = (
  path: string,
  body: object,
  headers: Record<string, string> = {},
  origin = identity.public,
  method = 'POST',
) =>
  fetch(origin + path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
let people = 0;
async function newAccount() {
  const email = `${String((people += 1))}@example.test`;
  return { email, id: await replica.get(Accounts).addVerified(email, passwordHash, ['customer']) };
}
async function signedIn(body: object) {
  const { email, id } = await newAccount();
  const answer = await post('/auth/login', { email, password: PASSWORD });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return { id, body, headers: { authorization: `Bearer ${token}` } };
}
async function holdingToken(purpose: TokenPurpose, otherEmail?: string) {
  const { id } = await newAccount();
  const token = await replica.database.transaction((tx) =>
    replica.get(EmailTokens).issue(tx, id, purpose, otherEmail ?? null),
  );
  return { body: { token, password: 'another long password' }, headers: {} };
}

/** What somebody sends that costs a hash each time, for as long as none of it has been done. */
const COSTLY: Record<string, () => Promise<{ body: object; headers: Record<string, string> }>> = {
  'POST /auth/login': async () => ({
    body: { email: (await newAccount()).email, password: PASSWORD },
    headers: {},
  }),
  'POST /auth/password': () => signedIn({ ...WRONG, new_password: 'another long password' }),
  'POST /auth/password-reset/confirm': () => holdingToken('reset_password'),
  'POST /auth/email/verify': () => holdingToken('verify_email'),
  'POST /auth/email/change': () => signedIn({ ...WRONG, email: 'new@example.test' }),
  'POST /auth/email/restore': () => holdingToken('restore_email', 'earlier@example.test'),
  'POST /auth/account/export': () => signedIn(WRONG),
  'POST /auth/account/delete': () => signedIn(WRONG),
  'DELETE /auth/sessions': () => signedIn(WRONG),
  'DELETE /auth/sessions/:sid': () => signedIn(WRONG),
};

it('each route that hashes passwords is among these', () => {
  expect(Object.keys(COSTLY).sort()).toEqual([...HASHING_ROUTES].sort());
});

it('who has changed a password and waits for the rest of the answer has no place any more', async () => {
  const small = await startServing(replica.databaseUrl, {
    // A network has two of these places.
    PASSWORD_HASH_PROCESSES: '1',
    PASSWORD_HASH_QUEUE: '3',
  });
  const [one, other] = [await signedIn({}), await signedIn({})];
  const changes: Promise<Response>[] = [];
  try {
    await replica.database.transaction(async (tx) => {
      const ids = [one, other].map(({ id }) => id);
      await takeLocks(
        tx,
        ids.map((id) => ({ resource: 'account', id, mode: 'exclusive' })),
      );
      for (const { headers } of [one, other]) {
        const change = { current_password: PASSWORD, new_password: 'another long password' };
        changes.push(post('/auth/password', change, headers, small.public));
      }
      await whenWaiting(
        { query: (sql) => replica.database.run((manager) => manager.query(sql)) },
        2,
      );
      const { email } = await newAccount();
      const signIn = { email, password: PASSWORD };
      expect((await post('/auth/login', signIn, {}, small.public)).status).toBe(200);
    });
    expect((await Promise.all(changes)).map(({ status }) => status)).toEqual([200, 200]);
  } finally {
    await Promise.allSettled(changes);
    await small.stop();
  }
});

it.each(Object.keys(COSTLY))(
  '%s: a network has its share of the places, and others sign in meanwhile',
  async (route) => {
    const { body, headers } = await COSTLY[route]!();
    const { email } = await newAccount();
    const [method = '', path = ''] = route.split(' ');
    const many = Array.from({ length: 30 }, (_, n) => {
      const from = { ...headers, 'x-forwarded-for': `2001:db8:b:${String(n + 1)}::1` };
      return post(path, body, from, identity.public, method);
    });
    const elsewhere = { 'x-forwarded-for': '2001:db8:c::1' };
    const meanwhile = post('/auth/login', { email, password: PASSWORD }, elsewhere);
    const statuses = (await Promise.all(many)).map(({ status }) => status);
    // Without a share all of them would have found room, or this one none.
    expect(statuses).toContain(503);
    expect(new Set(statuses).size).toBeGreaterThan(1);
    expect((await meanwhile).status).toBe(200);
  },
);
