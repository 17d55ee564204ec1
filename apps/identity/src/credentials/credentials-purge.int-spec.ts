import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { Accounts } from '../accounts/accounts.js';
import { AuditLog } from '../audit/audit-log.js';
import { ownerView } from '../audit/owner-view.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { CredentialsPurge } from './credentials-purge.js';

afterAll(stopReplicas);

const HOUR = 3_600;
const sql = <T = unknown>(replica: Replica, text: string, values: unknown[] = []) =>
  replica.database.run((manager) => manager.query<T[]>(text, values));
const purge = (replica: Replica) => replica.get(CredentialsPurge).job.run();
const sidsOf = async (replica: Replica) =>
  (await sql<{ sid: string }>(replica, `SELECT sid FROM sessions`)).map(({ sid }) => sid).sort();

/** Sessions that are over are kept for an hour here. */
async function start(databaseUrl?: string) {
  const replica = await startReplica({
    settings: { SESSION_RETENTION_SECONDS: String(HOUR) },
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  });
  await replica.get(KeyRing).load();
  const accountId = await replica
    .get(Accounts)
    .addVerified(`${randomUUID()}@example.test`, 'unused', ['customer']);
  const begin = async () => {
    const sessions = replica.get(Sessions);
    const { session } = await sessions.begin(accountId, {
      clientId: DEFAULT_CLIENT_ID,
      delivery: 'bearer',
      remember: true,
      deviceName: null,
      userAgent: null,
      ip: null,
    });
    return session.sid;
  };
  return { replica, accountId, begin };
}
const age = (replica: Replica, sid: string, column: string, seconds: number) =>
  sql(
    replica,
    `UPDATE sessions SET ${column} = clock_timestamp() - make_interval(secs => $2) WHERE sid = $1`,
    [sid, seconds],
  );

it('sessions go once they have been over for as long as the setting says, and no sooner', async () => {
  const { replica, begin } = await start();
  const [ended, endedLately, expired, expiredLately, idle, live] = [
    await begin(),
    await begin(),
    await begin(),
    await begin(),
    await begin(),
    await begin(),
  ];
  for (const sid of [ended, endedLately]) await replica.get(Sessions).end(sid, 'logout');
  await age(replica, ended, 'ended_at', HOUR + 60);
  await age(replica, endedLately, 'ended_at', HOUR - 60);
  await age(replica, expired, 'expires_at', HOUR + 60);
  await age(replica, expiredLately, 'expires_at', HOUR - 60);
  // Over, but a spent refresh token of it may still come back until its absolute end.
  await age(replica, idle, 'idle_expires_at', HOUR + 60);
  expect(await purge(replica)).toEqual({ sessions: 2, emailTokens: 0, accounts: 0 });
  expect(await sidsOf(replica)).toEqual([endedLately, expiredLately, idle, live].sort());
});

it('a session that nobody has ended leaves a row of activity when it goes: why it was over, and since when', async () => {
  const { replica, accountId, begin } = await start();
  const [ended, tooOld, notUsed] = [await begin(), await begin(), await begin()];
  await replica.get(Sessions).end(ended, 'logout');
  await age(replica, ended, 'ended_at', 2 * HOUR);
  await age(replica, tooOld, 'expires_at', 2 * HOUR);
  await age(replica, notUsed, 'expires_at', 2 * HOUR);
  await age(replica, notUsed, 'idle_expires_at', 3 * HOUR);
  const [times] = await sql<{ old: number; idle: number }>(
    replica,
    `SELECT floor(extract(epoch FROM old.expires_at))::float8 AS old,
       floor(extract(epoch FROM idle.idle_expires_at))::float8 AS idle
     FROM sessions AS old, sessions AS idle WHERE old.sid = $1 AND idle.sid = $2`,
    [tooOld, notUsed],
  );
  const ends = () => replica.get(AuditLog).list({ action: 'session.end', accountId }, 10);
  expect(await ends()).toEqual([]);
  expect(await purge(replica)).toMatchObject({ sessions: 3 });
  const row = { actor: 'identity', accountId, personal: null };
  const all = await ends();
  expect(all).toHaveLength(2);
  expect(all).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        ...row,
        target: tooOld,
        details: { of: 'session', reason: 'absolute', over_since: times!.old },
      }),
      expect.objectContaining({
        ...row,
        target: notUsed,
        details: { of: 'session', reason: 'idle', over_since: times!.idle },
      }),
    ]),
  );
  expect(all.map(ownerView).find((seen) => seen?.sid === notUsed)).toMatchObject({
    action: 'session.end',
    by: 'identity',
    details: { reason: 'idle', over_since: times!.idle },
  });
});

it('a session stays while a token of it can live, whatever the setting says', async () => {
  const { replica, begin } = await start();
  const sid = await begin();
  await replica.get(Sessions).end(sid, 'logout');
  await replica.get(RevocationLog).noteLifetime(2 * HOUR);
  await age(replica, sid, 'ended_at', 2 * HOUR + 60);
  expect(await purge(replica)).toMatchObject({ sessions: 0 });
  await age(replica, sid, 'ended_at', 2 * HOUR + 180);
  expect(await purge(replica)).toMatchObject({ sessions: 1 });
});

it('expired tokens of messages go, those that open something stay', async () => {
  const { replica, accountId } = await start();
  for (const [hash, left] of [
    ['01', '1 hour'],
    ['02', '-1 second'],
    ['03', '-1 year'],
  ]) {
    await sql(
      replica,
      `INSERT INTO email_tokens (id, account_id, purpose, token_hash, expires_at)
       VALUES ($1, $2, 'reset_password', decode($3, 'hex'), clock_timestamp() + $4::interval)`,
      [randomUUID(), accountId, hash, left],
    );
  }
  expect(await purge(replica)).toEqual({ sessions: 0, emailTokens: 2, accounts: 0 });
  expect(await sql(replica, `SELECT encode(token_hash, 'hex') AS hash FROM email_tokens`)).toEqual([
    { hash: '01' },
  ]);
});

it('many replicas purge at once, in batches, and each row once', async () => {
  const { replica: one, accountId } = await start();
  const { replica: two } = await start(one.databaseUrl);
  await sql(
    one,
    `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, auth_time, created_at, last_seen_at, expires_at)
     SELECT gen_random_uuid(), $1, 'first-party', 'bearer', false, t, t, t, t
     FROM generate_series(1, 12000), (SELECT now() - interval '1 year' AS t) AS long_ago`,
    [accountId],
  );
  const runs = await Promise.all([one, two, one].map(purge));
  const last = await purge(one);
  expect([...runs, last].reduce((sum, { sessions }) => sum + sessions, 0)).toBe(12_000);
  expect(await sidsOf(one)).toEqual([]);
  const [rows] = await sql<object>(
    one,
    `SELECT count(*)::integer AS all, count(DISTINCT target)::integer AS sessions FROM audit WHERE action = 'session.end'`,
  );
  expect(rows).toEqual({ all: 12_000, sessions: 12_000 });
});

it('runs in the background until it is stopped, also after a failure', async () => {
  const { replica, begin } = await start();
  const { job } = replica.get(CredentialsPurge);
  const endLongAgo = async () => {
    const sid = await begin();
    await replica.get(Sessions).end(sid, 'logout');
    await age(replica, sid, 'ended_at', 2 * HOUR);
    return sid;
  };
  await sql(replica, `ALTER TABLE email_tokens RENAME TO hidden`);
  job.start(20);
  await delay(100);
  await sql(replica, `ALTER TABLE hidden RENAME TO email_tokens`);
  await endLongAgo();
  for (let n = 0; n < 500 && (await sidsOf(replica)).length > 0; n += 1) await delay(20);
  expect(await sidsOf(replica)).toEqual([]);
  await job.stop();
  const kept = await endLongAgo();
  await delay(100);
  expect(await sidsOf(replica)).toEqual([kept]);
});
