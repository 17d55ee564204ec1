import { jest } from '@jest/globals';
import pg from 'pg';
import { bearer, expectStatus, freePorts, post, Stack, until } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let account: { email: string; password: string };
let operatorToken: string;
/** The public listeners of two processes of identity on one database. */
let one: string;
let other: string;
beforeAll(async () => {
  // Remembered sessions are over after five minutes without use, and after ten in any case.
  stack = await Stack.start(['identity'], {
    SESSION_TTL_SECONDS: '600',
    REMEMBERED_SESSION_TTL_SECONDS: '600',
    REMEMBERED_SESSION_IDLE_SECONDS: '300',
  });
  const [open, service, operator] = (await freePorts(3)).map(String) as [string, string, string];
  const env = {
    PUBLIC_PORT: open,
    SERVICE_PORT: service,
    OPERATOR_PORT: operator,
    MANAGEMENT_PORT: '0',
  };
  await stack.startApp('identity', { name: 'identity-2', env });
  [one, other] = [stack.url('public'), `http://localhost:${open}`];
  account = await stack.addAccount('ann@example.test');
  operatorToken = await stack.addOperator('alice', ['read', 'end-sessions']);
});
afterAll(() => stack.stop());

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}
const tokensOf = async (answer: Promise<Response>) =>
  (await (await expectStatus(200, answer)).json()) as Tokens;
const signIn = () => tokensOf(post(`${one}/auth/login`, account));
const refresh = (at: string, token: string) => post(`${at}/auth/refresh`, { refresh_token: token });
const codeOf = async (answer: Promise<Response>) =>
  ((await (await answer).json()) as { code?: string }).code;
const me = async (at: string, { access_token: token }: Tokens) =>
  (await fetch(`${at}/auth/me`, { headers: bearer(token) })).status;
async function expectRefused(tokens: Tokens) {
  for (const at of [one, other]) {
    await until(async () => (await me(at, tokens)) === 401, 30_000);
    // Either knows at once what the database says.
    expect((await refresh(at, tokens.refresh_token)).status).toBe(401);
  }
}

it('many at once at two processes: one moves the session on, all get the same successor, nobody is logged out', async () => {
  const { refresh_token: first } = await signIn();
  let token = first;
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) => tokensOf(refresh(n % 2 === 0 ? one : other, token))),
    );
    const successors = new Set(answers.map(({ refresh_token: successor }) => successor));
    expect(successors.size).toBe(1);
    for (const answer of answers.slice(0, 4)) {
      expect([await me(one, answer), await me(other, answer)]).toEqual([200, 200]);
    }
    [token = ''] = successors;
    expect(token.split('.').slice(0, 2)).toEqual([first.split('.')[0], String(round + 1)]);
  }
});

it('in one second: the last spent token gives the same again, the one before it is a replay and ends the session', async () => {
  const zero = await signIn();
  const first = await tokensOf(refresh(one, zero.refresh_token));
  const repeated = await tokensOf(refresh(other, zero.refresh_token));
  expect(repeated.refresh_token).toBe(first.refresh_token);
  const second = await tokensOf(refresh(other, first.refresh_token));
  expect(await codeOf(refresh(one, zero.refresh_token))).toBe('refresh_token_replayed');
  expect(await codeOf(refresh(other, second.refresh_token))).toBe('session_ended');
  for (const tokens of [first, repeated, second]) await expectRefused(tokens);
});

it('against a log-out at the other process: after its answer nothing is refreshed, and what was is dead', async () => {
  for (let round = 0; round < 8; round += 1) {
    const tokens = await signIn();
    const headers = bearer(tokens.access_token);
    const [refreshed, ended] = await Promise.all([
      refresh(one, tokens.refresh_token),
      post(`${other}/auth/logout`, {}, headers),
    ]);
    expect([200, 202]).toContain(ended.status);
    expect([200, 401]).toContain(refreshed.status);
    await expectRefused(tokens);
    if (refreshed.status === 200) await expectRefused((await refreshed.json()) as Tokens);
  }
});

/** As the owner of the database. */
async function sql<T extends object>(text: string, values: unknown[]): Promise<T[]> {
  const client = new pg.Client(stack.postgres.url);
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}
const order = (path: string, body: object) =>
  post(stack.url('operator', `/operator/${path}`), body, bearer(operatorToken));
interface Remembered extends Tokens {
  readonly refresh_expires_in: number;
  readonly expires_in: number;
  readonly session: { readonly sid: string };
}
const remembered = async (who = account) =>
  (await tokensOf(post(`${one}/auth/login`, { ...who, remember: true }))) as Remembered;
const claimsOf = ({ access_token: token }: Tokens) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
    sub: string;
    iat: number;
  };

it.each<[string, (email: string, tokens: Remembered) => Promise<Response>]>([
  ['ends it', (_, { session: { sid } }) => order('sessions/end', { sid })],
  ['ends all of that person', (email) => order('sessions/end', { email })],
  [
    'cuts the person off and ends what that reaches',
    (_, tokens) =>
      order('revocations', { kind: 'sub', id: claimsOf(tokens).sub, end_sessions: true }),
  ],
  ['disables the account', (_, tokens) => order(`users/${claimsOf(tokens).sub}/disable`, {})],
])('an operator %s: after the answer nothing is refreshed, at either process', async (how, end) => {
  const who = await stack.addAccount(`${how.replaceAll(' ', '-')}@example.test`);
  const tokens = await remembered(who);
  const [refreshed, ended] = await Promise.all([
    refresh(other, tokens.refresh_token),
    end(who.email, tokens),
  ]);
  expect([200, 202]).toContain(ended.status);
  for (const at of [one, other]) {
    expect(await codeOf(refresh(at, tokens.refresh_token))).toBe('session_ended');
  }
  await expectRefused(tokens);
  if (refreshed.status === 200) await expectRefused((await refreshed.json()) as Tokens);
});

it('a cut-off that ends no session: its tokens are dead, and a refresh gives younger ones', async () => {
  const tokens = await remembered(await stack.addAccount('cut-off@example.test'));
  const cutOff = { kind: 'sub', id: claimsOf(tokens).sub };
  await expectStatus(202, order('revocations', cutOff));
  const next = await tokensOf(refresh(other, tokens.refresh_token));
  expect(claimsOf(next).iat).toBeGreaterThan(claimsOf(tokens).iat);
  for (const at of [one, other]) {
    await until(async () => (await me(at, tokens)) === 401, 30_000);
    expect(await me(at, next)).toBe(200);
  }
});

describe('a row of a session comes back from a backup', () => {
  const backupOf = async (sid: string) =>
    (
      await sql<{ row: object }>(`SELECT to_jsonb(s) AS row FROM sessions AS s WHERE sid = $1`, [
        sid,
      ])
    )[0]!.row;
  const restore = (sid: string, row: object) =>
    sql(
      `UPDATE sessions AS s SET generation = r.generation, refreshed_at = r.refreshed_at, idle_expires_at = r.idle_expires_at,
         last_seen_at = r.last_seen_at, sealed_secret = r.sealed_secret, master_key_id = r.master_key_id
       FROM jsonb_populate_record(NULL::sessions, $2) AS r WHERE s.sid = $1`,
      [sid, JSON.stringify(row)],
    );
  const auditOf = async (sid: string) =>
    (
      await sql<{ action: string }>(`SELECT action FROM audit WHERE target = $1 ORDER BY id`, [sid])
    ).map(({ action }) => action);

  it('with an earlier generation: store_behind, and nobody is taken for a thief', async () => {
    const tokens = await remembered();
    const { sid } = tokens.session;
    const row = await backupOf(sid);
    const second = await tokensOf(
      refresh(one, (await tokensOf(refresh(one, tokens.refresh_token))).refresh_token),
    );
    await restore(sid, row);
    for (const at of [one, other])
      expect(await codeOf(refresh(at, second.refresh_token))).toBe('store_behind');
    expect(await me(one, second)).toBe(200);
    expect(await auditOf(sid)).toEqual(['sign_in', 'session.store_behind', 'session.store_behind']);
    const metrics = await (await fetch(stack.url('identityManagement', '/metrics'))).text();
    expect(metrics).toMatch(/countersign_refreshes_total\{.*outcome="store_behind".*\} 1/);
  });

  it('with an earlier secret: the newer token is refused, and the session is not ended for it', async () => {
    const who = await stack.addAccount('earlier-secret@example.test');
    const tokens = await remembered(who);
    const { sid } = tokens.session;
    const row = await backupOf(sid);
    const change = { current_password: who.password, new_password: 'another horse battery' };
    const changed = await tokensOf(
      post(`${one}/auth/password`, change, bearer(tokens.access_token)),
    );
    await restore(sid, row);
    expect(await codeOf(refresh(other, changed.refresh_token))).toBe('refresh_token_rejected');
    expect(await me(one, changed)).toBe(200);
  });
});

describe('time passes', () => {
  /** As if it were so much later, for one session. */
  const later = (sid: string, seconds: number) =>
    sql(
      `UPDATE sessions SET created_at = created_at - d, auth_time = auth_time - d, last_seen_at = last_seen_at - d,
         refreshed_at = refreshed_at - d, expires_at = expires_at - d, idle_expires_at = idle_expires_at - d
       FROM make_interval(secs => $2) AS d WHERE sid = $1`,
      [sid, seconds],
    );

  it('a session that was not used for as long as it may rest is over', async () => {
    const tokens = await remembered();
    expect(tokens.refresh_expires_in).toBeGreaterThan(290);
    expect(tokens.refresh_expires_in).toBeLessThanOrEqual(300);
    await later(tokens.session.sid, 240);
    // Still good, and then for five minutes more.
    const next = (await tokensOf(refresh(one, tokens.refresh_token))) as Remembered;
    expect(next.refresh_expires_in).toBeGreaterThan(240);
    await later(tokens.session.sid, 301);
    for (const at of [one, other])
      expect(await codeOf(refresh(at, next.refresh_token))).toBe('session_ended');
  });

  it('one that is used all the time is over at its end, and no token lives longer', async () => {
    const tokens = await remembered();
    let token = tokens.refresh_token;
    for (let n = 0; n < 2; n += 1) {
      await later(tokens.session.sid, 240);
      const next = (await tokensOf(refresh(n === 0 ? one : other, token))) as Remembered;
      token = next.refresh_token;
      if (n === 0) continue;
      // Eight of ten minutes have passed.
      expect(next.refresh_expires_in).toBeLessThanOrEqual(120);
      expect(next.expires_in).toBeLessThanOrEqual(120);
    }
    await later(tokens.session.sid, 121);
    for (const at of [one, other]) expect(await codeOf(refresh(at, token))).toBe('session_ended');
  });
});
