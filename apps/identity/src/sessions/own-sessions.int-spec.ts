import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { hash } from '@node-rs/argon2';
import { ask } from '../../test/browser.js';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { Accounts } from '../accounts/accounts.js';
import { AuditLog } from '../audit/audit-log.js';

jest.setTimeout(120_000);

const PASSWORD = 'a long enough password';
const ISSUER = 'http://localhost:8080';

let replica: Replica;
let identity: ServingIdentity;
let passwordHash: string;
let people = 0;
beforeAll(async () => {
  replica = await startReplica();
  passwordHash = await hash(PASSWORD, { memoryCost: 19_456, timeCost: 2 });
  identity = await startServing(replica.databaseUrl);
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

interface SignedIn {
  readonly sid: string;
  readonly headers: readonly string[];
  readonly refreshToken: string;
}

/** A new person. */
async function person() {
  people += 1;
  const email = `person-${String(people)}@example.test`;
  const id = await replica.get(Accounts).addVerified(email, passwordHash, ['customer']);
  const signIn = async (more: Record<string, unknown> = {}): Promise<SignedIn> => {
    const { status, body, setCookies } = await ask(identity.public, 'POST', '/auth/login', {
      headers: ['content-type', 'application/json', 'origin', ISSUER, 'user-agent', 'a browser'],
      body: JSON.stringify({ email, password: PASSWORD, ...more }),
    });
    expect(status).toBe(200);
    const cookie = setCookies.find((line) => line.startsWith('__Host-'))?.split(';')[0];
    return {
      sid: (body['session'] as { sid: string }).sid,
      refreshToken: String(body['refresh_token']),
      headers:
        cookie === undefined
          ? ['authorization', `Bearer ${String(body['access_token'])}`]
          : ['cookie', cookie, 'origin', ISSUER],
    };
  };
  return { id, signIn };
}

const get = (path: string, { headers }: SignedIn) => ask(identity.public, 'GET', path, { headers });
const end = (
  path: string,
  { headers }: SignedIn,
  more: readonly string[] = [],
  password?: string,
) =>
  ask(
    identity.public,
    'DELETE',
    path,
    password === undefined
      ? { headers: [...headers, ...more] }
      : {
          headers: [...headers, ...more, 'content-type', 'application/json'],
          body: JSON.stringify({ current_password: password }),
        },
  );
/** As if people had signed in so long ago. */
const signedInEarlier = (seconds: number, ...sessions: readonly SignedIn[]) =>
  replica.database.run((manager) =>
    manager.query(
      `UPDATE sessions SET auth_time = auth_time - make_interval(secs => $2) WHERE sid = ANY($1)`,
      [sessions.map(({ sid }) => sid), seconds],
    ),
  );
const listed = async (by: SignedIn) =>
  ((await get('/auth/sessions', by)).body['items'] as { sid: string }[]).map(({ sid }) => sid);
/** Whether a session goes on: nothing of it is refused. */
const goesOn = async (session: SignedIn) => {
  const me = await get('/auth/me', session);
  const refreshed = await ask(identity.public, 'POST', '/auth/refresh', {
    headers: ['content-type', 'application/json'],
    body: JSON.stringify({ refresh_token: session.refreshToken }),
  });
  return [me.status, refreshed.status];
};
/**
 * Ends something and waits until it is ended everywhere: the answer says so, unless the machine stood still for as long as it waits.
 *
 * @param gone a session that is ended by it
 */
async function endEverywhere(path: string, by: SignedIn, gone: SignedIn, password?: string) {
  const asked = performance.now();
  const answer = await end(path, by, ['prefer', 'wait=2'], password);
  const status = answer.status === 202 ? 'pending' : 'applied';
  expect(answer).toMatchObject({
    status: status === 'pending' ? 202 : 200,
    body: { revocation: { epoch: 1, seq: expect.any(Number) as number, status } },
  });
  if (status === 'pending') {
    expect(performance.now() - asked).toBeGreaterThan(1_900);
    while ((await get('/auth/me', gone)).status !== 401) await delay(50);
  }
  const { seq } = (answer.body as { revocation: { seq: number } }).revocation;
  return { seq, setCookies: answer.setCookies };
}

it('lists what is live, newest first, with the one that asks marked', async () => {
  const { signIn } = await person();
  const phone = await signIn({ device_name: 'a phone' });
  const desktop = await signIn({ delivery: 'session', remember: true });
  const ended = await signIn();
  await end(`/auth/sessions/${ended.sid}`, ended);
  const idle = await signIn();
  await replica.database.run((manager) =>
    manager.query(`UPDATE sessions SET idle_expires_at = now() WHERE sid = $1`, [idle.sid]),
  );
  const { status, body } = await get('/auth/sessions', phone);
  expect(status).toBe(200);
  const instant = expect.any(Number) as number;
  const common = {
    user_agent: 'a browser',
    ip: '127.0.0.1',
    created_at: instant,
    last_seen_at: instant,
  };
  expect(body).toEqual({
    items: [
      {
        ...common,
        ...{ sid: desktop.sid, device_name: null, delivery: 'session', current: false },
        expires_at: instant,
      },
      {
        ...common,
        ...{ sid: phone.sid, device_name: 'a phone', delivery: 'bearer', current: true },
        expires_at: instant,
      },
    ],
    next_cursor: null,
  });
});

it('in pages', async () => {
  const { signIn } = await person();
  const sessions: SignedIn[] = [];
  for (let n = 0; n < 5; n += 1) sessions.push(await signIn());
  const found: string[] = [];
  let cursor: string | null | undefined;
  do {
    const query: string = cursor == null ? '' : `&cursor=${cursor}`;
    const { body } = await get(`/auth/sessions?limit=2${query}`, sessions[0]!);
    found.push(...(body['items'] as { sid: string }[]).map(({ sid }) => sid));
    cursor = body['next_cursor'] as string | null;
  } while (cursor !== null);
  expect(found).toEqual(sessions.map(({ sid }) => sid).reverse());
});

it('one is ended: it is refused at once, the others go on', async () => {
  const { id, signIn } = await person();
  const [mine, lost, other] = [await signIn(), await signIn(), await signIn()];
  const { seq } = await endEverywhere(`/auth/sessions/${lost.sid}`, mine, lost);
  expect(await goesOn(lost)).toEqual([401, 401]);
  expect(await goesOn(mine)).toEqual([200, 200]);
  expect(await goesOn(other)).toEqual([200, 200]);
  expect(await listed(mine)).toEqual([other.sid, mine.sid]);
  // Again, the answer is the same; and it stands in the log once.
  expect(await endEverywhere(`/auth/sessions/${lost.sid}`, mine, lost)).toMatchObject({ seq });
  const rows = await replica.get(AuditLog).list({ accountId: id, action: 'session.end' }, 10);
  expect(rows).toMatchObject([
    {
      actor: `account:${id}`,
      target: lost.sid,
      personal: { ip: '127.0.0.1' },
      details: { of: 'session', reason: 'ended_by_owner' },
    },
  ]);
});

it('the others are ended: the one that asks goes on', async () => {
  const { id, signIn } = await person();
  const [mine, ...others] = [await signIn(), await signIn(), await signIn({ remember: true })];
  const { seq } = await endEverywhere('/auth/sessions?keep=current', mine, others[0]);
  for (const other of others) expect(await goesOn(other)).toEqual([401, 401]);
  expect(await goesOn(mine)).toEqual([200, 200]);
  expect(await listed(mine)).toEqual([mine.sid]);
  const rows = await replica.get(AuditLog).list({ accountId: id, action: 'session.end' }, 10);
  expect(rows).toMatchObject([{ details: { of: 'others', sessions: 2 } }]);
  // With nothing left to end, the answer is the head of the log.
  const nothing = await end('/auth/sessions?keep=current', mine);
  expect(nothing.status).toBe(202);
  const { revocation } = nothing.body as { revocation: { seq: number } };
  expect(revocation.seq).toBe(seq);
});

it('all are ended, cookies taken back', async () => {
  const { id, signIn } = await person();
  const [mine, inBrowser] = [await signIn(), await signIn({ delivery: 'session' })];
  const { setCookies } = await endEverywhere('/auth/sessions', inBrowser, mine);
  expect(setCookies).toHaveLength(3);
  expect(setCookies.every((line) => line.includes('Max-Age=0'))).toBe(true);
  expect(await goesOn(mine)).toEqual([401, 401]);
  expect((await get('/auth/me', inBrowser)).status).toBe(401);
  const rows = await replica.get(AuditLog).list({ accountId: id, action: 'session.end' }, 10);
  expect(rows).toMatchObject([{ details: { of: 'all', sessions: 2 } }]);
  // Whoever signs in next is not covered.
  expect(await goesOn(await signIn())).toEqual([200, 200]);
});

describe.each([
  ['one', ({ sid }: SignedIn) => `/auth/sessions/${sid}`],
  ['the others', () => '/auth/sessions?keep=current'],
  ['all', () => '/auth/sessions'],
])('ending %s', (_, pathFor) => {
  it.each([{}, { delivery: 'session' }])(
    'takes the password again once the sign-in is five minutes ago (%j)',
    async (delivery) => {
      const { id, signIn } = await person();
      const [mine, other] = [await signIn(delivery), await signIn()];
      const path = pathFor(other);
      await signedInEarlier(301, mine);
      expect(await end(path, mine)).toMatchObject({
        status: 403,
        body: { code: 'recent_sign_in_required' },
      });
      expect(await end(path, mine, [], 'a wrong password')).toMatchObject({
        status: 403,
        body: { code: 'current_password_rejected' },
      });
      expect(await goesOn(other)).toEqual([200, 200]);
      const rows = await replica.get(AuditLog).list({ accountId: id, action: 'sign_in.fail' }, 10);
      expect(rows).toMatchObject([
        { target: mine.sid, details: { reason: 'wrong_current_password' } },
      ]);
      await endEverywhere(path, mine, other, PASSWORD);
      expect((await get('/auth/me', other)).status).toBe(401);
    },
  );

  it('takes nothing within five minutes of the sign-in', async () => {
    const { signIn } = await person();
    const [mine, other] = [await signIn(), await signIn()];
    // However long ago the other one signed in.
    await signedInEarlier(200, mine);
    await signedInEarlier(3000, other);
    await endEverywhere(pathFor(other), mine, other);
    expect(await goesOn(other)).toEqual([401, 401]);
  });
});

it('the own session is ended without any proof, as by a log-out', async () => {
  const mine = await (await person()).signIn();
  await signedInEarlier(3000, mine);
  await endEverywhere(`/auth/sessions/${mine.sid}`, mine, mine);
  expect(await goesOn(mine)).toEqual([401, 401]);
});

it("nobody sees or ends somebody else's", async () => {
  const [ann, eve] = [await person(), await person()];
  const [annes, eves] = [await ann.signIn(), await eve.signIn()];
  const refused = { status: 404, body: { code: 'unknown_session' } };
  expect(await end(`/auth/sessions/${annes.sid}`, eves)).toMatchObject(refused);
  const nobodys = '00000000-0000-4000-8000-000000000000';
  // Told apart from none at all by nothing.
  expect((await end(`/auth/sessions/${nobodys}`, eves)).body).toEqual(
    (await end(`/auth/sessions/${annes.sid}`, eves)).body,
  );
  await end('/auth/sessions?keep=current', eves);
  expect(await listed(eves)).toEqual([eves.sid]);
  const cursor = `99999999999999999.${annes.sid}`;
  const page = await get(`/auth/sessions?cursor=${cursor}`, eves);
  expect(page.body['items']).toHaveLength(1);
  expect((await end('/auth/sessions', eves)).status).toBe(202);
  expect(await goesOn(annes)).toEqual([200, 200]);
  expect(
    await replica.get(AuditLog).list({ accountId: ann.id, action: 'session.end' }, 10),
  ).toEqual([]);
});

it('an id that is none, or any other question, is the client’s fault', async () => {
  const mine = await (await person()).signIn();
  for (const sid of ['x', '%00', 'current', mine.sid.toUpperCase(), `${mine.sid}0`]) {
    expect([sid, (await end(`/auth/sessions/${sid}`, mine)).status]).toEqual([sid, 404]);
  }
  for (const query of ['?keep=all', '?keep=', '?keep=current&x=1', '?keep=current&keep=current']) {
    expect([query, (await end(`/auth/sessions${query}`, mine)).status]).toEqual([query, 400]);
  }
  for (const query of ['?cursor=x', '?limit=0', '?limit=201', '?x=1']) {
    expect([query, (await get(`/auth/sessions${query}`, mine)).status]).toEqual([query, 400]);
  }
  expect(await goesOn(mine)).toEqual([200, 200]);
});
