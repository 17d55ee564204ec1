import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import pg from 'pg';
import { startReplica, stopReplicas, TEST_MASTER_KEYS } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { Accounts } from '../accounts/accounts.js';
import { takeLocks } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { unseal } from '../sealing/sealed.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { CredentialRenewal } from './credential-renewal.js';
import type { SignInContext } from './new-sessions.js';
import { makeRefreshToken } from './refresh/refresh-token.js';
import { SessionTokens } from './session-tokens.js';
import { Sessions } from './sessions.js';

afterAll(stopReplicas);

let replica: Replica;
let accountId: string;
beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  await replica.get(RevocationLog).noteLifetime(300);
  accountId = await replica.get(Accounts).addVerified('a@example.test', 'unused', ['customer']);
});

async function begin(more: Partial<SignInContext> = {}) {
  const sessions = replica.get(Sessions);
  return sessions.begin(accountId, {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: 'a laptop',
    userAgent: 'test',
    ip: '127.0.0.1',
    ...more,
  });
}

const cutOff = (kind: 'sub' | 'client' | 'all', id: string) =>
  replica.database.transaction((tx) => replica.get(RevocationLog).append(tx, { kind, id }));

it('a session begins with a token as RFC 9068 wants it, signed by the published key', async () => {
  const { session, accessToken, expiresIn } = await begin();
  const [jwk] = replica.get(KeyRing).document().keys;
  const { payload } = await jwtVerify(accessToken, await importJWK(jwk!, 'RS256'), {
    algorithms: ['RS256'],
    typ: 'at+jwt',
    issuer: 'http://localhost:8080',
    audience: 'orders',
    requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
  });
  expect(decodeProtectedHeader(accessToken)).toEqual({
    alg: 'RS256',
    typ: 'at+jwt',
    kid: jwk!.kid,
  });
  expect(payload).toMatchObject({
    sub: accountId,
    aud: ['identity', 'orders', 'payments'],
    client_id: 'first-party',
    sid: session.sid,
    scope: 'orders:read orders:write payments:read payments:write',
    roles: ['customer'],
  });
  expect(expiresIn).toBeLessThanOrEqual(300);
  expect(expiresIn).toBeGreaterThanOrEqual(285);
});

it('access tokens of one moment do not end in one moment: some of their life is taken off, nothing is ever added', async () => {
  const { databaseUrl } = replica;
  const settings = { EXPIRY_JITTER_PERCENT: '50' };
  const jittering = await startReplica({ databaseUrl, settings });
  await jittering.get(KeyRing).load();
  const { session } = await begin();
  const lifetimes = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const { claims } = await jittering.get(SessionTokens).issueFor(session.sid);
      return claims.exp - claims.iat;
    }),
  );
  expect(new Set(lifetimes).size).toBeGreaterThan(1);
  expect(Math.max(...lifetimes)).toBeLessThanOrEqual(300);
  expect(Math.min(...lifetimes)).toBeGreaterThanOrEqual(150);
});

it('a remembered session lives longer, and may rest for longer', async () => {
  const [short, long] = [await begin(), await begin({ remember: true })];
  expect([short.idleEndsIn, short.endsIn]).toEqual([3600, 12 * 3600]);
  expect([long.idleEndsIn, long.endsIn]).toEqual([7 * 86_400, 30 * 86_400]);
  const lives = (instant: string) =>
    replica.database.run((manager) =>
      manager.query<unknown[]>(
        `SELECT extract(epoch FROM ${instant} - created_at)::integer AS seconds FROM sessions
         WHERE sid = ANY($1) AND created_at = auth_time AND created_at = last_seen_at ORDER BY remembered`,
        [[short.session.sid, long.session.sid]],
      ),
    );
  expect(await lives('expires_at')).toEqual([{ seconds: 12 * 3600 }, { seconds: 30 * 86_400 }]);
  expect(await lives('idle_expires_at')).toEqual([{ seconds: 3600 }, { seconds: 7 * 86_400 }]);
});

it('ending a session twice at once writes one revocation, and both are told the same', async () => {
  const { session } = await begin();
  const sessions = replica.get(Sessions);
  const before = await replica.get(RevocationLog).head();
  const [one, other] = await Promise.all([
    sessions.end(session.sid, 'logout'),
    sessions.end(session.sid, 'logout'),
  ]);
  expect(one).toEqual(other);
  expect((await replica.get(RevocationLog).head()).seq).toBe(before.seq + 1);
  await expect(
    sessions.end('00000000-0000-4000-8000-000000000000', 'logout'),
  ).rejects.toMatchObject({ code: 'session_ended' });
});

it.each([
  ['sub', (): string => accountId],
  ['client', (): string => 'first-party'],
  ['all', (): string => '*'],
] as const)(
  'a token issued in the second of a %s cut-off is not covered by it',
  async (kind, id) => {
    const { cutoff } = await cutOff(kind, id());
    const { accessToken } = await begin();
    expect(decodeJwt(accessToken).iat).toBeGreaterThan(cutoff!);
  },
);

it('a cut-off waits for the token that is being issued, and covers it', async () => {
  const order: string[] = [];
  let locked = (): void => undefined;
  const isLocked = new Promise<void>((resolve) => (locked = resolve));
  const holding = replica.database.transaction(async (tx) => {
    await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'shared' }]);
    locked();
    await delay(300);
    order.push('issued');
  });
  await isLocked;
  const ending = replica.database.transaction(async (tx) => {
    await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'exclusive' }]);
    await replica.get(RevocationLog).append(tx, { kind: 'sub', id: accountId });
    order.push('cut off');
  });
  await Promise.all([holding, ending]);
  expect(order).toEqual(['issued', 'cut off']);
});

it('an account that was disabled after the password check gets no token', async () => {
  await replica.database.run((manager) => manager.query(`UPDATE accounts SET disabled_at = now()`));
  await expect(begin()).rejects.toMatchObject({ code: 'credentials_rejected' });
  await replica.database.run((manager) => manager.query(`UPDATE accounts SET disabled_at = NULL`));
});

it('begins in two round trips, and whatever people say of themselves stays text', async () => {
  const said = `O'Brien's \\ laptop'); DROP TABLE sessions; -- $1 "é" \\' E'\\x00`;
  // Whether the connection has its statements prepared or not.
  for (let n = 0; n < 3; n += 1) {
    const asked = jest.spyOn(pg.Client.prototype, 'query');
    const { session } = await begin({ deviceName: said, userAgent: said });
    const texts = asked.mock.calls.map(([query]) => query);
    asked.mockRestore();
    const [row] = await replica.database.run((manager) =>
      manager.query<unknown[]>(
        `SELECT device_name, user_agent, (SELECT personal FROM audit WHERE target = sid::text) AS personal
         FROM sessions WHERE sid = $1`,
        [session.sid],
      ),
    );
    const personal = { ip: '127.0.0.1', user_agent: said, device_name: said };
    expect(row).toEqual({ device_name: said, user_agent: said, personal });
    if (n < 2) continue;
    expect(texts).toHaveLength(2);
    expect(texts[0]).toMatch(/^BEGIN .*; SELECT pg_advisory.*; EXECUTE "signing_in"\([^;]*\)$/s);
    expect(texts[1]).toMatch(/^EXECUTE "insert_session"\(.*; EXECUTE "insert_audit"\(.*; COMMIT$/s);
  }
});

it('only a public client marked for sign-in will do', async () => {
  await expect(begin({ clientId: 'orders' })).rejects.toMatchObject({ code: 'unknown_client' });
});

it('a token is not issued while somebody ends what it stands on', async () => {
  for (const lock of [
    { resource: 'client', id: 'first-party' },
    { resource: 'key_ring', id: 'keys' },
    { resource: 'account', id: accountId },
  ] as const) {
    const order: string[] = [];
    let locked = (): void => undefined;
    const isLocked = new Promise<void>((resolve) => (locked = resolve));
    const ending = replica.database.transaction(async (tx) => {
      await takeLocks(tx, [{ ...lock, mode: 'exclusive' }]);
      locked();
      await delay(200);
      order.push('ended');
    });
    await isLocked;
    const issuing = begin().then(() => order.push('issued'));
    await Promise.all([ending, issuing]);
    expect([lock.resource, ...order]).toEqual([lock.resource, 'ended', 'issued']);
  }
});

it('an end that fails after its revocation was written leaves neither', async () => {
  const { session } = await begin();
  const before = await replica.get(RevocationLog).head();
  const sql = (text: string) => replica.database.run((manager) => manager.query(text));
  await sql(`ALTER TABLE sessions ADD CONSTRAINT never_ends CHECK (ended_at IS NULL) NOT VALID`);
  await expect(replica.get(Sessions).end(session.sid, 'logout')).rejects.toThrow(/never_ends/);
  await sql(`ALTER TABLE sessions DROP CONSTRAINT never_ends`);
  expect(await replica.get(RevocationLog).head()).toMatchObject({ seq: before.seq });
  await expect(replica.get(Sessions).end(session.sid, 'logout')).resolves.toMatchObject({
    seq: before.seq + 1,
  });
});

it('a statement that takes too long is given up on: the database counts as away', async () => {
  const slow = replica.database.run((manager) => manager.query(`SELECT pg_sleep(30)`));
  await expect(slow).rejects.toMatchObject({ code: 'database_unavailable' });
});

it('many sessions but one end in a few statements, each by an entry of its own', async () => {
  const owner = await replica
    .get(Accounts)
    .addVerified('many@example.test', 'unused', ['customer']);
  const other = await begin();
  const sql = <T>(text: string, values: unknown[] = []) =>
    replica.database.run((manager) => manager.query<T[]>(text, values));
  await sql(
    `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, auth_time, created_at, last_seen_at, expires_at)
     SELECT gen_random_uuid(), $1, 'first-party', 'bearer', false, t, t, t, t + interval '1 hour'
     FROM clock_timestamp() AS t, generate_series(1, 40)`,
    [owner],
  );
  const [kept] = await sql<{ sid: string }>(
    `SELECT sid FROM sessions WHERE account_id = $1 LIMIT 1`,
    [owner],
  );
  const before = await replica.get(RevocationLog).head();
  const statements: string[] = [];
  const ended = await replica.database.transaction(async (tx) => {
    const query = tx.query.bind(tx);
    jest.spyOn(tx, 'query').mockImplementation(async (text: string, values?: unknown) => {
      statements.push(text);
      return query(text, values as unknown[]) as never;
    });
    return replica.get(Sessions).endOthersIn(tx, owner, kept!.sid, 'password_changed');
  });
  expect(ended).toEqual({ sessions: 39, position: { epoch: 1, seq: before.seq + 39 } });
  expect(statements.length).toBeLessThanOrEqual(5);
  const rows = await sql<{ sid: string; end_reason: string | null; matches: boolean }>(
    `SELECT sid, end_reason, EXISTS (SELECT FROM revocations AS r WHERE r.kind = 'sid' AND r.id = sid::text
       AND (r.epoch, r.seq) = (ended_epoch, ended_seq)) AS matches FROM sessions WHERE account_id = $1`,
    [owner],
  );
  for (const { sid, end_reason: reason, matches } of rows) {
    expect([reason, matches]).toEqual(
      sid === kept!.sid ? [null, false] : ['password_changed', true],
    );
  }
  await expect(replica.get(SessionTokens).issueFor(other.session.sid)).resolves.toMatchObject({
    claims: { sid: other.session.sid },
  });
});

it('renewed credentials keep the sid, and are not those of before', async () => {
  const { session, refreshToken } = await begin();
  const secretsOf = async () => {
    const [row] = await replica.database.run((manager) =>
      manager.query<[{ sealed_secret: Buffer; master_key_id: string }]>(
        `SELECT sealed_secret, master_key_id FROM sessions WHERE sid = $1`,
        [session.sid],
      ),
    );
    return unseal(
      MasterKeys.parse(TEST_MASTER_KEYS),
      { box: row.sealed_secret, masterKeyId: row.master_key_id },
      `session:${session.sid}`,
    );
  };
  expect(makeRefreshToken(session.sid, 0, await secretsOf())).toBe(refreshToken);
  const renewal = replica.get(CredentialRenewal);
  const carried = await replica.database.transaction((tx) =>
    renewal.renewCredentialsIn(tx, session.sid),
  );
  expect(carried.refreshToken).not.toBe(refreshToken);
  expect(makeRefreshToken(session.sid, 0, await secretsOf())).toBe(carried.refreshToken);
  const renewed = await renewal.withAccessToken(carried);
  expect(decodeJwt(renewed.accessToken)).toMatchObject({ sid: session.sid, sub: accountId });
  await replica.get(Sessions).end(session.sid, 'logout');
  await expect(renewal.withAccessToken(carried)).rejects.toMatchObject({ code: 'session_ended' });
  await expect(
    replica.database.transaction((tx) => renewal.renewCredentialsIn(tx, session.sid)),
  ).rejects.toMatchObject({ code: 'session_ended' });
});
