// What a sign-in and a refresh cost while more and more people have accounts.
import { randomBytes, randomInt } from 'node:crypto';
import pg from 'pg';
import { MasterKeys } from '../apps/identity/dist/sealing/master-keys.js';
import { ask } from './http-client.mjs';
import { watchWork } from './growth-work.mjs';
import { startInstallation } from './installation.mjs';

const ROUNDS = 5;
const SIGN_INS = 60;
const REFRESHES_EACH = 5;
const AT_ONCE = 2;
const WARM_UP_ROUNDS = 6;
const BATCH = 50_000;
const SETTINGS = { PASSWORD_HASH_PROCESSES: '1', REFRESHES_PER_SECOND: '10000' };
const json = { 'content-type': 'application/json' };
const emailOf = (n) => `user${n}@example.test`;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Makes accounts up to a number, each with one live session, and each with the password of the account that is there already.
 *
 * @param masterKeyId of the key that sealed the sessions' secrets, which are none: nobody uses these sessions
 */
async function growTo(database, count, masterKeyId) {
  const { rows } = await database.query(
    `SELECT count(*)::int AS made FROM accounts WHERE email LIKE 'user%'`,
  );
  for (let from = rows[0].made; from < count; from += BATCH) {
    await database.query(
      `WITH made AS (
         INSERT INTO accounts (id, email, email_verified_at, password_hash, roles)
         SELECT gen_random_uuid(), 'user' || n || '@example.test', now(), ann.password_hash, ann.roles
         FROM generate_series($1::int, $2::int) AS n, (SELECT password_hash, roles FROM accounts WHERE email = $3) AS ann
         RETURNING id
       )
       INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, auth_time, created_at, last_seen_at, expires_at,
         idle_expires_at, sealed_secret, master_key_id)
       SELECT gen_random_uuid(), id, 'first-party', 'bearer', true, t, t, t, t + interval '30 days', t + interval '7 days', $4, $5
       FROM made, now() AS t`,
      [from, Math.min(from + BATCH, count) - 1, 'ann@example.test', randomBytes(60), masterKeyId],
    );
  }
  await database.query('VACUUM (ANALYZE) accounts, sessions');
  await database.query('CHECKPOINT').catch(() => undefined);
}

async function post(port, path, body) {
  const answer = await ask(port, path, {
    method: 'POST',
    headers: json,
    body: JSON.stringify(body),
  });
  if (answer.status !== 200)
    throw new Error(`${path} was answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body);
}

/** Sign-ins of people picked by chance, then refreshes of their sessions. Milliseconds of processor time each. */
async function round({ installation, database, count }) {
  const { ports, account } = installation;
  const sessions = [];
  const inTurns = async (times, act) => {
    let left = times;
    const work = async () => {
      while (left-- > 0) await act(left);
    };
    const worked = await watchWork(installation, database);
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return (await worked()) / times;
  };
  const login = await inTurns(SIGN_INS, async () => {
    const person = { ...account, email: emailOf(randomInt(count)) };
    sessions.push(await post(ports.identity, '/auth/login', person));
  });
  const refresh = await inTurns(SIGN_INS * REFRESHES_EACH, async (turn) => {
    const place = turn % SIGN_INS;
    const { refresh_token: token } = sessions[place];
    sessions[place] = await post(ports.identity, '/auth/refresh', { refresh_token: token });
  });
  return { login, refresh };
}

/**
 * @param breakIt what the self-check does to the database first
 * @returns for each count the processor time of a login without its hash, and of a refresh, milliseconds
 */
export async function measureUsers(counts, say, breakIt = async () => undefined) {
  const installation = await startInstallation({ services: [], identity: SETTINGS });
  const database = new pg.Client(installation.databaseUrl);
  try {
    await database.connect();
    await breakIt(database);
    const { id: masterKeyId } = MasterKeys.fromFile(installation.masterKeyFile).current;
    const measured = [];
    for (const [n, count] of counts.entries()) {
      await growTo(database, count, masterKeyId);
      const at = { installation, database, count };
      for (let warm = 0; warm < (n === 0 ? WARM_UP_ROUNDS : 1); warm += 1) await round(at);
      const rounds = [];
      while (rounds.length < ROUNDS) rounds.push(await round(at));
      const figures = {
        login: median(rounds.map(({ login }) => login)),
        refresh: median(rounds.map(({ refresh }) => refresh)),
      };
      say(
        `${count} users: login ${figures.login.toFixed(2)} ms, refresh ${figures.refresh.toFixed(2)} ms`,
      );
      measured.push({ count, ...figures });
    }
    return measured;
  } finally {
    await database.end();
    await installation.stop();
  }
}
