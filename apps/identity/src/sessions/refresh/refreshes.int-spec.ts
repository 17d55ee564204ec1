import type { Registry } from '@countersign/service-host';
import { jest } from '@jest/globals';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { startReplica, stopReplicas } from '../../../test/identity-under-test.js';
import type { Replica } from '../../../test/identity-under-test.js';
import { DEFAULT_CLIENT_ID } from '../../access-tokens/client.js';
import { Accounts } from '../../accounts/accounts.js';
import { AuditLog } from '../../audit/audit-log.js';
import { METRICS } from '../../platform/platform.module.js';
import { RevocationLog } from '../../revocation/revocation-log.js';
import { KeyRing } from '../../signing-keys/key-ring.js';
import { CredentialRenewal } from '../credential-renewal.js';
import type { Session } from '../session.js';
import { Sessions } from '../sessions.js';
import { Refreshes } from './refreshes.js';

jest.setTimeout(120_000);
afterAll(stopReplicas);
afterEach(() => jest.restoreAllMocks());

let one: Replica;
let other: Replica;
let strict: Replica;
let accountId: string;
beforeAll(async () => {
  one = await startReplica();
  const { databaseUrl } = one;
  other = await startReplica({ databaseUrl });
  strict = await startReplica({ databaseUrl, settings: { REFRESH_GRACE_SECONDS: '0' } });
  for (const replica of [one, other, strict]) await replica.get(KeyRing).load();
  await one.get(RevocationLog).noteLifetime(300);
  accountId = await one.get(Accounts).addVerified('a@example.test', 'unused', ['customer']);
});

const FROM = { ip: '192.0.2.7', user_agent: 'a test' };

async function begin(delivery: Session['delivery'] = 'bearer') {
  const sessions = one.get(Sessions);
  const begun = await sessions.begin(accountId, {
    clientId: DEFAULT_CLIENT_ID,
    delivery,
    remember: false,
    deviceName: 'a laptop',
    userAgent: null,
    ip: null,
  });
  return { sid: begun.session.sid, token: begun.refreshToken ?? '', begun };
}

const refresh = (token: string, replica = one, by: 'bearer' | 'cookie' = 'bearer') =>
  replica.get(Refreshes).refresh(token, { by, from: FROM, boundTo: token.split('.')[0] });
const next = async (token: string, replica = one) =>
  (await refresh(token, replica)).refreshToken ?? '';
const codeOf = (refreshing: Promise<unknown>) =>
  refreshing.then(
    () => 'refreshed',
    (error: unknown) => (error as { code?: string }).code,
  );
const sql = <T>(text: string, values: unknown[] = []) =>
  one.database.run((manager) => manager.query<T[]>(text, values));

interface Row {
  generation: number;
  end_reason: string | null;
  ended_seq: string | null;
}
async function rowOf(sid: string): Promise<Row> {
  const [row] = await sql<Row>(
    `SELECT generation, end_reason, ended_seq FROM sessions WHERE sid = $1`,
    [sid],
  );
  return row!;
}
/** As if so much time had passed since the last refresh. */
const letPass = (sid: string, seconds: number) =>
  sql(
    `UPDATE sessions SET refreshed_at = refreshed_at - make_interval(secs => $2) WHERE sid = $1`,
    [sid, seconds],
  );
const isRevoked = async (sid: string) =>
  (await sql(`SELECT FROM revocations WHERE kind = 'sid' AND id = $1`, [sid])).length === 1;
const auditOf = async (sid: string) =>
  (await one.get(AuditLog).list({ accountId }, 200)).filter(({ target }) => target === sid);

it('a refresh gives the successor, and an access token for the same sign-in', async () => {
  const { sid, token, begun } = await begin();
  const before = decodeJwt(begun.accessToken);
  const credentials = await refresh(token);
  expect(credentials.refreshToken).toMatch(new RegExp(`^${sid}\\.1\\.[\\w-]{43}$`));
  const claims = decodeJwt(credentials.accessToken);
  expect(claims).toMatchObject({
    sub: accountId,
    sid,
    client_id: 'first-party',
    auth_time: before['auth_time'],
    aud: before.aud,
    scope: before['scope'],
    roles: ['customer'],
  });
  expect(claims.jti).not.toBe(before.jti);
  expect(credentials).toMatchObject({ session: { sid, delivery: 'bearer' }, idleEndsIn: 3600 });
  expect(await rowOf(sid)).toMatchObject({ generation: 1, end_reason: null });
});

it('many at once, of two replicas: one moves the session on, all get the same, nobody is logged out', async () => {
  const { sid, token } = await begin();
  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, n) => refresh(token, n % 2 === 0 ? one : other)),
  );
  expect(new Set(answers.map(({ refreshToken }) => refreshToken)).size).toBe(1);
  expect(new Set(answers.map(({ accessToken }) => accessToken)).size).toBe(16);
  expect(await rowOf(sid)).toEqual({ generation: 1, end_reason: null, ended_seq: null });
  await expect(refresh(answers[0]!.refreshToken!, other)).resolves.toBeDefined();
});

it('an answer that was lost is given again, and the session goes on from there', async () => {
  const { sid, token } = await begin();
  const lost = await next(token);
  expect(await next(token, other)).toBe(lost);
  const after = await next(lost);
  expect(after).not.toBe(lost);
  expect(await next(lost)).toBe(after);
  expect(await rowOf(sid)).toMatchObject({ generation: 2, end_reason: null });
});

it('the last spent token after the grace ends its session, and no other', async () => {
  const [{ sid, token }, spared] = [await begin(), await begin()];
  const successor = await next(token);
  await letPass(sid, 10);
  expect(await codeOf(refresh(token, other))).toBe('refresh_token_replayed');
  expect(await rowOf(sid)).toMatchObject({ end_reason: 'replay', generation: 1 });
  expect(await isRevoked(sid)).toBe(true);
  expect(await auditOf(sid)).toMatchObject([
    {
      action: 'session.replay',
      actor: 'stranger',
      personal: FROM,
      details: { replay: 'last_one', generation: 1 },
    },
    { action: 'sign_in' },
  ]);
  // Who stole it and who lost it are alike now; and it is told once.
  expect(await codeOf(refresh(successor))).toBe('session_ended');
  expect(await codeOf(refresh(token))).toBe('session_ended');
  expect(await auditOf(sid)).toHaveLength(2);
  expect(await codeOf(refresh(spared.token))).toBe('refreshed');
});

it('while refreshes are turned away the last spent token is forgiven for as much longer, up to an hour; an older one never is, nor without a grace', async () => {
  const rush = (since: number, until: number) =>
    sql(
      `UPDATE refresh_rush SET since = clock_timestamp() - make_interval(secs => $1),
         until = clock_timestamp() + make_interval(secs => $2)`,
      [since, until],
    );
  const shownAgain = async (passed: number, replica = one) => {
    const { sid, token } = await begin();
    await next(token);
    await letPass(sid, passed);
    return codeOf(refresh(token, replica));
  };
  await rush(100, 60);
  expect(await shownAgain(105, other)).toBe('refreshed');
  expect(await shownAgain(160)).toBe('refresh_token_replayed');
  expect(await shownAgain(1, strict)).toBe('refresh_token_replayed');
  const older = await begin();
  await next(await next(older.token));
  expect(await codeOf(refresh(older.token))).toBe('refresh_token_replayed');
  await rush(10_000, 60);
  expect(await shownAgain(3_605)).toBe('refreshed');
  expect(await shownAgain(3_615)).toBe('refresh_token_replayed');
  await rush(100, -1);
  expect(await shownAgain(15)).toBe('refresh_token_replayed');
});

it('an older token is a replay at once', async () => {
  const { sid, token } = await begin();
  await next(await next(token));
  expect(await codeOf(refresh(token))).toBe('refresh_token_replayed');
  expect(await auditOf(sid)).toMatchObject([
    { details: { replay: 'older_one', generation: 2 } },
    { action: 'sign_in' },
  ]);
});

it('without a grace a token is good once, also twice in one second or at once', async () => {
  const again = await begin();
  await refresh(again.token, strict);
  expect(await codeOf(refresh(again.token, strict))).toBe('refresh_token_replayed');
  const { sid, token } = await begin();
  const codes = await Promise.all(Array.from({ length: 6 }, () => codeOf(refresh(token, strict))));
  expect(codes.filter((code) => code === 'refreshed')).toHaveLength(1);
  expect(codes.filter((code) => code === 'refresh_token_replayed')).toHaveLength(1);
  expect(codes.filter((code) => code === 'session_ended')).toHaveLength(4);
  expect(await rowOf(sid)).toMatchObject({ generation: 1, end_reason: 'replay' });
});

it('a row from a backup is behind: refused, told to operators, and nobody is taken for a thief', async () => {
  const { sid, token } = await begin();
  const metrics = () => one.get<Registry>(METRICS as never).metrics();
  // From 0, so that an alarm sees the first.
  expect(await metrics()).toContain('countersign_refreshes_total{outcome="store_behind"} 0');
  const newest = await next(await next(token));
  await sql(`UPDATE sessions SET generation = 0, refreshed_at = NULL WHERE sid = $1`, [sid]);
  expect(await codeOf(refresh(newest))).toBe('store_behind');
  expect(await rowOf(sid)).toMatchObject({ generation: 0, end_reason: null });
  expect(await isRevoked(sid)).toBe(false);
  expect(await auditOf(sid)).toMatchObject([
    { action: 'session.store_behind', details: { generation: 0, token_generation: 2 } },
    { action: 'sign_in' },
  ]);
  expect(await metrics()).toContain('countersign_refreshes_total{outcome="store_behind"} 1');
});

it('against a logout: whoever is later sees the other; after the answer nothing is refreshed', async () => {
  for (let n = 0; n < 8; n += 1) {
    const { sid, token } = await begin();
    const refreshing = codeOf(refresh(token, n % 2 === 0 ? one : other));
    const ending = one.get(Sessions).end(sid, 'logout');
    const [code] = await Promise.all([refreshing, ending]);
    const { generation, end_reason: reason } = await rowOf(sid);
    expect([code, generation, reason]).toEqual(
      code === 'refreshed' ? ['refreshed', 1, 'logout'] : ['session_ended', 0, 'logout'],
    );
    // The session id is revoked as such: also what the refresh has just given is dead.
    expect(await isRevoked(sid)).toBe(true);
    expect(await codeOf(refresh(token, other))).toBe('session_ended');
  }
});

it('against a cut-off: the token is covered by it, or was asked for after it', async () => {
  const { sid, token } = await begin();
  let current = token;
  for (let n = 0; n < 4; n += 1) {
    const cutting = other.database.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [
        accountId,
      ]);
      return other.get(RevocationLog).append(tx, { kind: 'sub', id: accountId });
    });
    const [{ cutoff }, during] = await Promise.all([cutting, refresh(current)]);
    const after = await refresh(during.refreshToken!);
    expect(decodeJwt(after.accessToken).iat).toBeGreaterThan(cutoff!);
    current = after.refreshToken!;
  }
  // Waiting for the next second has moved nothing twice.
  expect(await rowOf(sid)).toMatchObject({ generation: 8 });
});

it('a session that was not used for too long, or has lived too long, is over', async () => {
  for (const column of ['idle_expires_at', 'expires_at']) {
    const { sid, token } = await begin();
    await sql(`UPDATE sessions SET ${column} = clock_timestamp() WHERE sid = $1`, [sid]);
    expect([column, await codeOf(refresh(token))]).toEqual([column, 'session_ended']);
  }
});

it('a refresh puts off the idle end, never the absolute one; no token outlives its session', async () => {
  const { sid, token } = await begin();
  await sql(
    `UPDATE sessions SET expires_at = clock_timestamp() + interval '40 s',
       idle_expires_at = clock_timestamp() + interval '20 s' WHERE sid = $1`,
    [sid],
  );
  const { accessToken, idleEndsIn, endsIn, expiresIn } = await refresh(token);
  const [{ ends }] = (await sql<{ ends: number }>(
    `SELECT extract(epoch FROM least(expires_at, idle_expires_at))::float8 AS ends FROM sessions WHERE sid = $1`,
    [sid],
  )) as [{ ends: number }];
  expect(decodeJwt(accessToken).exp).toBeLessThanOrEqual(ends);
  for (const seconds of [idleEndsIn, endsIn, expiresIn]) expect(seconds).toBeLessThanOrEqual(40);
  expect(idleEndsIn).toBeGreaterThan(20);
});

it('an account that is disabled gets nothing, whatever became of its sessions', async () => {
  const { token } = await begin();
  await sql(`UPDATE accounts SET disabled_at = now() WHERE id = $1`, [accountId]);
  expect(await codeOf(refresh(token))).toBe('session_ended');
  await sql(`UPDATE accounts SET disabled_at = NULL WHERE id = $1`, [accountId]);
  expect(await codeOf(refresh(token))).toBe('refreshed');
});

it('after other credentials were given, the earlier ones are refused, and that is no replay', async () => {
  const { sid, token } = await begin();
  const spent = token;
  const current = await next(token);
  const renewal = one.get(CredentialRenewal);
  const carried = await one.database.transaction((tx) => renewal.renewCredentialsIn(tx, sid));
  for (const earlier of [spent, current]) {
    expect(await codeOf(refresh(earlier))).toBe('refresh_token_rejected');
  }
  expect(await codeOf(refresh(carried.refreshToken!))).toBe('refreshed');
});

it('is refused: another session, another proof, another delivery, a secret moved from another row', async () => {
  const [mine, another, inCookie, opaque] = [
    await begin(),
    await begin(),
    await begin('cookie'),
    await begin('session'),
  ];
  const [, , proof] = mine.token.split('.') as [string, string, string];
  for (const token of [
    '',
    `00000000-0000-4000-8000-000000000000.0.${proof}`,
    `${another.sid}.0.${proof}`,
    `${mine.sid}.1.${proof}`,
    `${opaque.sid}.0.${proof}`,
    inCookie.token,
  ]) {
    expect(await codeOf(refresh(token))).toBe('refresh_token_rejected');
  }
  expect(await codeOf(refresh(mine.token, one, 'cookie'))).toBe('refresh_token_rejected');
  expect(await codeOf(refresh(inCookie.token, one, 'cookie'))).toBe('refreshed');
  expect(opaque.token).toBe('');
  // None of this has moved or ended anything.
  expect(await rowOf(mine.sid)).toMatchObject({ generation: 0, end_reason: null });
  await sql(
    `UPDATE sessions SET sealed_secret = (SELECT sealed_secret FROM sessions WHERE sid = $2) WHERE sid = $1`,
    [another.sid, mine.sid],
  );
  await expect(refresh(`${another.sid}.0.${proof}`)).rejects.toThrow(/cannot be opened/);
});

it('asks the database twice, with five statements', async () => {
  const { token } = await begin();
  const [, , current] = [await next(token), 0, await next(token)];
  const asked = jest.spyOn(pg.Client.prototype, 'query');
  await refresh(current);
  const texts = asked.mock.calls.map(([query]) =>
    typeof query === 'string' ? query : (query as unknown as { text: string }).text,
  );
  const ours = texts.filter((text) => !/revocation_head|service_instances|LISTEN/.test(text));
  expect(ours).toHaveLength(2);
  expect(ours[0]).toMatch(/^BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory/);
  expect(ours[0]).toMatch(/; EXECUTE "session_standings"\('\{[\da-f-]{36}\}'\)$/);
  expect(ours[1]).toMatch(/^EXECUTE "advance_session"\([^;]*\); COMMIT$/);
});

describe('when many sessions are refreshed at once', () => {
  const many = (count: number) => Promise.all(Array.from({ length: count }, () => begin()));

  it('they share transactions, and each gets its own', async () => {
    const begun = await many(24);
    const asked = jest.spyOn(pg.Client.prototype, 'query');
    const given = await Promise.all(begun.map(({ token }) => refresh(token)));
    const commits = asked.mock.calls.filter(([query]) => JSON.stringify(query).includes('COMMIT'));
    asked.mockRestore();
    expect(commits.length).toBeLessThan(12);
    for (const [n, { sid }] of begun.entries()) {
      expect(given[n]!.refreshToken).toMatch(new RegExp(`^${sid}\\.1\\.`));
      expect(decodeJwt(given[n]!.accessToken)).toMatchObject({ sid, sub: accountId });
      expect(await rowOf(sid)).toMatchObject({ generation: 1, end_reason: null });
    }
    const again = await Promise.all(
      given.map(({ refreshToken }) => codeOf(refresh(refreshToken!))),
    );
    expect(new Set(again)).toEqual(new Set(['refreshed']));
  });

  it('what is wrong with one of them is its own affair', async () => {
    const [good, ended, replayed, forged, moved, cookie] = [
      await many(6),
      await begin(),
      await begin(),
      await begin(),
      await begin(),
      await begin('cookie'),
    ];
    await one.get(Sessions).end(ended.sid, 'logout');
    await next(await next(replayed.token));
    await sql(
      `UPDATE sessions SET sealed_secret = (SELECT sealed_secret FROM sessions WHERE sid = $2) WHERE sid = $1`,
      [moved.sid, ended.sid],
    );
    const [head] = forged.token.split(/[^.]+$/);
    const asked: [string, string][] = [
      ...good.map(({ token }): [string, string] => [token, 'refreshed']),
      [good[0]!.token, 'refreshed'],
      [ended.token, 'session_ended'],
      [replayed.token, 'refresh_token_replayed'],
      [`${head}${'A'.repeat(43)}`, 'refresh_token_rejected'],
      [cookie.token, 'refresh_token_rejected'],
    ];
    const broken = refresh(moved.token).catch((error: unknown) => String(error));
    const codes = await Promise.all(asked.map(([token]) => codeOf(refresh(token))));
    expect(codes).toEqual(asked.map(([, code]) => code));
    expect(await broken).toMatch(/cannot be opened/);
    for (const { sid } of good) expect(await rowOf(sid)).toMatchObject({ generation: 1 });
    expect(await rowOf(replayed.sid)).toMatchObject({ end_reason: 'replay' });
    expect(await rowOf(forged.sid)).toMatchObject({ generation: 0, end_reason: null });
  });

  it('whoever has to wait for somebody else keeps nobody waiting', async () => {
    const [held, ...others] = await many(12);
    const { waiting } = await other.database.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('session:' || $1, 0))`, [
        held!.sid,
      ]);
      const waiting = Promise.all([codeOf(refresh(held!.token)), codeOf(refresh(held!.token))]);
      const codes = await Promise.all(others.map(({ token }) => codeOf(refresh(token))));
      expect(new Set(codes)).toEqual(new Set(['refreshed']));
      expect(await rowOf(held!.sid)).toMatchObject({ generation: 0 });
      return { waiting };
    });
    expect(await waiting).toEqual(['refreshed', 'refreshed']);
    expect(await rowOf(held!.sid)).toMatchObject({ generation: 1 });
  });

  it('one whose account was just cut off gets a token that is younger, and the others need not wait for it', async () => {
    const stranger = await one.get(Accounts).addVerified('cut-off@example.test', 'unused', []);
    const sessions = one.get(Sessions);
    const cut = await sessions.begin(stranger, {
      clientId: DEFAULT_CLIENT_ID,
      delivery: 'bearer',
      remember: false,
      deviceName: null,
      userAgent: null,
      ip: null,
    });
    const others = await many(12);
    const { cutoff } = await one.database.transaction((tx) =>
      one.get(RevocationLog).append(tx, { kind: 'sub', id: stranger }),
    );
    const order: string[] = [];
    const [late] = await Promise.all([
      refresh(cut.refreshToken!).finally(() => order.push('cut off')),
      ...others.map(({ token }) => refresh(token).finally(() => order.push('another'))),
    ]);
    expect(decodeJwt(late.accessToken).iat).toBeGreaterThan(cutoff!);
    expect(order.at(-1)).toBe('cut off');
  });

  it('without a grace each token is good once there too', async () => {
    const begun = await many(8);
    const codes = await Promise.all(
      [...begun, ...begun].map(({ token }) => codeOf(refresh(token, strict))),
    );
    expect(codes.filter((code) => code === 'refreshed')).toHaveLength(8);
    expect(codes.filter((code) => code === 'refresh_token_replayed')).toHaveLength(8);
    for (const { sid } of begun) expect(await rowOf(sid)).toMatchObject({ end_reason: 'replay' });
  });

  it('when the database fails all of them are told so, and nothing is known to have happened', async () => {
    const begun = await many(10);
    const ask = Reflect.get(pg.Client.prototype, 'query') as (...given: unknown[]) => unknown;
    jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (
      this: pg.Client,
      ...given: unknown[]
    ) {
      if (JSON.stringify(given[0] ?? '').includes('advance_session'))
        return Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
      return ask.apply(this, given);
    });
    const codes = await Promise.all(begun.map(({ token }) => codeOf(refresh(token))));
    jest.restoreAllMocks();
    expect(new Set(codes)).toEqual(new Set(['database_unavailable']));
    for (const { sid, token } of begun) {
      expect(await rowOf(sid)).toMatchObject({ generation: 0 });
      expect(await codeOf(refresh(token))).toBe('refreshed');
    }
  });
});
