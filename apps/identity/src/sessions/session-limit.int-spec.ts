import { jest } from '@jest/globals';
import { hash } from '@node-rs/argon2';
import { Browser } from '../../test/browser.js';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { Accounts } from '../accounts/accounts.js';

jest.setTimeout(120_000);

const PASSWORD = 'a long enough password';
const LIMIT = 3;

let replica: Replica;
let identity: ServingIdentity;
let passwordHash: string;
let people = 0;
beforeAll(async () => {
  replica = await startReplica();
  passwordHash = await hash(PASSWORD, { memoryCost: 19_456, timeCost: 2 });
  identity = await startServing(replica.databaseUrl, {
    SESSIONS_PER_ACCOUNT: String(LIMIT),
    PASSWORD_HASH_QUEUE: '30',
  });
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

const sql = <T>(text: string, values: unknown[] = []) =>
  replica.database.run((manager) => manager.query<T[]>(text, values));

/** A new person, who signs in with browsers. */
async function person() {
  people += 1;
  const email = `person-${String(people)}@example.test`;
  const id = await replica.get(Accounts).addVerified(email, passwordHash, ['customer']);
  return {
    id,
    signIn: async (browser = new Browser(identity.public, 'http://localhost:8080')) => {
      const body = { email, password: PASSWORD, delivery: 'session' };
      const answer = await browser.fetch('POST', '/auth/login', body);
      expect(answer.status).toBe(200);
      const { sid } = answer.body['session'] as { sid: string };
      return { browser, sid, me: async () => (await browser.fetch('GET', '/auth/me')).status };
    },
    live: async () =>
      (
        await sql<{ sid: string }>(
          `SELECT sid FROM sessions WHERE account_id = $1 AND ended_at IS NULL`,
          [id],
        )
      ).map(({ sid }) => sid),
  };
}

it('a sign-in past the limit ends the session that was not used for longest, and revokes it', async () => {
  const { id, signIn } = await person();
  const [first, second, third] = [await signIn(), await signIn(), await signIn()];
  // The first is in use, so it is not the one.
  await sql(`UPDATE sessions SET last_seen_at = now() WHERE sid = $1`, [first.sid]);
  const fourth = await signIn();
  expect(await Promise.all([first, second, third, fourth].map((one) => one.me()))).toEqual([
    200, 401, 200, 200,
  ]);
  const [ended] = await sql(
    `SELECT s.end_reason, r.kind, r.id FROM sessions AS s
     JOIN revocations AS r ON (r.epoch, r.seq) = (s.ended_epoch, s.ended_seq) WHERE s.sid = $1`,
    [second.sid],
  );
  expect(ended).toEqual({ end_reason: 'too_many_sessions', kind: 'sid', id: second.sid });
  const { body } = await fourth.browser.fetch('GET', '/auth/activity');
  expect((body['items'] as object[])[0]).toMatchObject({
    action: 'session.end',
    by: 'you',
    details: { of: 'unused_longest', sessions: 1, reason: 'too_many_sessions' },
  });
  expect(await sql(`SELECT FROM revocations WHERE id = $1`, [id])).toEqual([]);
});

it('a browser that signs in again leaves its own session, and pushes no other out', async () => {
  const { signIn } = await person();
  const [first, second, third] = [await signIn(), await signIn(), await signIn()];
  const again = await signIn(third.browser);
  expect(await Promise.all([first, second, again].map((one) => one.me()))).toEqual([200, 200, 200]);
});

it('however many sign in at once, no more stay', async () => {
  const { signIn, live } = await person();
  await Promise.all(Array.from({ length: 12 }, () => signIn()));
  expect(await live()).toHaveLength(LIMIT);
});

it('of very many, each sign-in ends a few', async () => {
  const { signIn, live } = await person();
  const { sid } = await signIn();
  await sql(
    `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, auth_time, created_at, last_seen_at, expires_at)
     SELECT gen_random_uuid(), account_id, client_id, delivery, false, auth_time, created_at, last_seen_at - interval '1 hour',
       expires_at FROM sessions, generate_series(1, 50) WHERE sid = $1`,
    [sid],
  );
  const counts: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    await signIn();
    counts.push((await live()).length);
  }
  expect(counts).toEqual([32, 13, LIMIT, LIMIT]);
  expect(await live()).not.toContain(sid);
});
