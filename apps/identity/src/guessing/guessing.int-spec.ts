import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis } from '@countersign/test-kit';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { Accounts } from '../accounts/accounts.js';
import { PasswordHasher } from '../credentials/password-hasher.js';

jest.setTimeout(120_000);

const PASSWORD = 'the right password';
/** Three wrong passwords, and the fourth attempt has to wait for an hour. */
const STRICT = {
  SIGN_IN_FREE_FAILURES: '3',
  SIGN_IN_FIRST_DELAY_SECONDS: '3600',
  SIGN_IN_LONGEST_DELAY_SECONDS: '3600',
};
const LOW = {
  SIGN_IN_FAILURES_PER_ADDRESS: '3/3600',
  MESSAGES_PER_EMAIL: '2/3600',
  MESSAGES_PER_ADDRESS: '3/3600',
  EMAIL_TOKEN_FAILURES_PER_ADDRESS: '3/3600',
  REFRESHES_PER_ADDRESS: '3/3600',
  CLIENT_FAILURES_PER_CLIENT: '2/3600',
  CLIENT_FAILURES_PER_ADDRESS: '4/3600',
};
const TRUSTING = { TRUSTED_PROXIES: '127.0.0.0/8,::1/128' };

let replica: Replica;
let redis: ThrowAwayRedis;
let passwordHash: string;
/** With every limit low but the one for everybody: for tests that use accounts and addresses of their own. */
let identity: ServingIdentity;
const running: ServingIdentity[] = [];

beforeAll(async () => {
  [replica, redis] = await Promise.all([startReplica(), startThrowAwayRedis()]);
  const hasher = replica.get(PasswordHasher);
  await hasher.start();
  passwordHash = await hasher.hash(PASSWORD);
  hasher.close();
  identity = await startServing(replica.databaseUrl, { ...TRUSTING, ...STRICT, ...LOW });
});
afterEach(async () => {
  for (const identity of running.splice(0)) await identity.stop();
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
  await redis.stop();
});

/** A replica with low limits, whose memory of attempts is empty. */
async function serve(settings: Record<string, string>): Promise<ServingIdentity> {
  const served = await startServing(replica.databaseUrl, { ...TRUSTING, ...settings });
  running.push(served);
  return served;
}
let people = 0;
async function newAccount(): Promise<string> {
  const email = `${String((people += 1))}@example.test`;
  await replica.get(Accounts).addVerified(email, passwordHash, ['customer']);
  return email;
}
/** One that nothing has come from before. */
const newAddress = () => {
  people += 1;
  return `10.0.${String(people >> 8)}.${String(people & 255)}`;
};

interface Tried {
  readonly status: number;
  /** Seconds; `null` without the header. */
  readonly retryAfter: number | null;
  readonly code: string | undefined;
  readonly cookie: string | null;
  readonly deviceToken: string | null;
}
async function post(
  identity: ServingIdentity,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Tried> {
  const answer = await fetch(`${identity.public}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': newAddress(), ...headers },
    body: JSON.stringify(body),
  });
  const retryAfter = answer.headers.get('retry-after');
  return {
    status: answer.status,
    retryAfter: retryAfter === null ? null : Number(retryAfter),
    code: ((await answer.json()) as { code?: string }).code,
    cookie: answer.headers.get('set-cookie'),
    deviceToken: answer.headers.get('device-token'),
  };
}
const signIn = (
  identity: ServingIdentity,
  email: string,
  password = PASSWORD,
  headers: Record<string, string> = {},
) => post(identity, '/auth/login', { email, password }, headers);
/** Spelt as a refresh token is: the database has to be asked. */
const wellFormedJunk = () => ({ refresh_token: `${randomUUID()}.0.${'A'.repeat(43)}` });
/** The access token of a sign-in at {@link identity}. */
async function tokenOf(email: string): Promise<string> {
  const answer = await fetch(`${identity.public}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}
const guess = (identity: ServingIdentity, email: string, headers: Record<string, string> = {}) =>
  signIn(identity, email, 'a wrong password', headers);
async function statuses(count: number, attempt: () => Promise<Tried>): Promise<number[]> {
  const all: number[] = [];
  for (let n = 0; n < count; n += 1) all.push((await attempt()).status);
  return all;
}
const cookieOf = ({ cookie }: Tried) => ({ cookie: cookie!.split(';')[0]! });

describe('wrong passwords for one account', () => {
  it('make each next attempt wait longer; Retry-After says how long, and is right', async () => {
    const identity = await serve({ SIGN_IN_FREE_FAILURES: '2', SIGN_IN_FIRST_DELAY_SECONDS: '5' });
    const email = await newAccount();
    expect(await statuses(2, () => guess(identity, email))).toEqual([401, 401]);
    const refused = await guess(identity, email);
    expect(refused).toMatchObject({ status: 429, code: 'too_many_attempts' });
    expect(refused.retryAfter).toBeGreaterThan(0);
    expect(refused.retryAfter).toBeLessThanOrEqual(5);
    // The right password has to wait as well: otherwise guessing would go on.
    expect((await signIn(identity, email)).status).toBe(429);
    await delay(refused.retryAfter! * 1000);
    expect((await guess(identity, email)).status).toBe(401);
    // Longer than what was enough before.
    const again = await guess(identity, email);
    expect(again.status).toBe(429);
    expect(again.retryAfter).toBeGreaterThan(5);
    expect(again.retryAfter).toBeLessThanOrEqual(10);
  });

  it('are the same to an account that there is and to one that there is not', async () => {
    const outcomes = async (email: string) => {
      const tried: unknown[] = [];
      for (let n = 0; n < 6; n += 1) {
        const { status, code, cookie } = await guess(identity, email);
        tried.push({ status, code, cookie });
      }
      return tried;
    };
    const known = await outcomes(await newAccount());
    expect(known).toMatchObject([401, 401, 401, 429, 429, 429].map((status) => ({ status })));
    expect(await outcomes('nobody@example.test')).toEqual(known);
  });

  it('are counted under every spelling of the address', async () => {
    const email = await newAccount();
    for (const spelling of [email, ` ${email.toUpperCase()} `, email]) {
      expect((await guess(identity, spelling)).status).toBe(401);
    }
    expect((await guess(identity, email.toUpperCase())).status).toBe(429);
  });

  it('at once are no more than one after the other, and who is refused costs no hash', async () => {
    const identity = await serve({
      SIGN_IN_FREE_FAILURES: '2',
      SIGN_IN_FIRST_DELAY_SECONDS: '60',
      SIGN_IN_LONGEST_DELAY_SECONDS: '3600',
      PASSWORD_HASH_PROCESSES: '1',
      // A third would be turned away with 503.
      PASSWORD_HASH_QUEUE: '1',
    });
    const email = await newAccount();
    const all = await Promise.all(Array.from({ length: 30 }, () => guess(identity, email)));
    expect(all.filter(({ status }) => status === 401)).toHaveLength(2);
    expect(all.filter(({ status }) => status === 429)).toHaveLength(28);
    // And who was refused has not made the wait longer.
    for (const { retryAfter } of all) expect(retryAfter ?? 0).toBeLessThanOrEqual(60);
  });

  it('make nobody wait at another account; right ones are not counted with them, nor what is not well-formed', async () => {
    const [ann, bob] = [await newAccount(), await newAccount()];
    await statuses(5, () => guess(identity, ann));
    expect((await signIn(identity, ann)).status).toBe(429);
    expect(await statuses(8, () => signIn(identity, bob))).toEqual(Array(8).fill(200));
    const malformed = { email: bob, password: 'x', unknown: 1 };
    expect(await statuses(8, () => post(identity, '/auth/login', malformed))).toEqual(
      Array(8).fill(400),
    );
    const unknownClient = { email: bob, password: 'x', client_id: 'nobody' };
    expect(await statuses(8, () => post(identity, '/auth/login', unknownClient))).toEqual(
      Array(8).fill(400),
    );
    expect((await signIn(identity, bob)).status).toBe(200);
  });
});

describe('while the database takes no rows', () => {
  const CHANGE = {
    current_password: 'a wrong password',
    new_password: 'another password of mine',
  };
  /** As a standby answers that was made of the primary. */
  const unwritable = async (work: () => Promise<void>) => {
    const sql = (text: string) => replica.database.run((manager) => manager.query(text));
    await sql(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE read_only_sql_transaction; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON audit EXECUTE FUNCTION refuse()`);
    try {
      await work();
    } finally {
      await sql(`DROP TRIGGER refuse ON audit; DROP FUNCTION refuse`);
    }
  };

  it('wrong passwords are not answered as such, and count all the same; right ones do not', () =>
    unwritable(async () => {
      const [ann, bob] = [await newAccount(), await newAccount()];
      expect(await statuses(5, () => guess(identity, ann))).toEqual([503, 503, 503, 429, 429]);
      expect(await statuses(5, () => signIn(identity, bob))).toEqual(Array(5).fill(503));
    }));

  it('so does a wrong current password', async () => {
    const authorization = `Bearer ${await tokenOf(await newAccount())}`;
    const change = (more: object) => () =>
      post(identity, '/auth/password', { ...CHANGE, ...more }, { authorization });
    await unwritable(async () => {
      expect(await statuses(3, change({ current_password: PASSWORD }))).toEqual([503, 503, 503]);
      expect(await statuses(4, change({}))).toEqual([503, 503, 503, 429]);
    });
  });
});

describe('a device on which the account was signed in to', () => {
  it('is known by a cookie, and not locked out by what strangers do', async () => {
    const identity = await serve({
      ...STRICT,
      SIGN_IN_FAILURES_IN_ALL: '20/3600',
      SIGN_IN_FAILURES_PER_ADDRESS: '10/3600',
    });
    const ann = await newAccount();
    const address = { 'x-forwarded-for': '203.0.113.9' };
    const first = await signIn(identity, ann, PASSWORD, address);
    expect(first.cookie).toMatch(
      /^__Secure-countersign-device=d2\.[\w.-]+; Path=\/auth; HttpOnly; Secure; SameSite=Strict; Max-Age=15552000$/,
    );
    expect(first.deviceToken).toBeNull();
    // Strangers: at the account, from the same address, and everywhere.
    await statuses(4, () => guess(identity, ann));
    await statuses(12, () => guess(identity, `${String(Math.random())}@example.test`, address));
    await statuses(25, () => guess(identity, `${String(Math.random())}@example.test`));
    expect((await signIn(identity, ann)).status).toBe(429);
    expect((await signIn(identity, ann, PASSWORD, address)).status).toBe(429);
    const device = { ...cookieOf(first), ...address };
    const again = await signIn(identity, ann, PASSWORD, device);
    expect(again.status).toBe(200);
    // It stays the same device, with a later token.
    expect((await signIn(identity, ann, PASSWORD, cookieOf(again))).status).toBe(200);
  });

  it('has a count of its own for its wrong passwords, and opens no other account', async () => {
    const [ann, bob] = [await newAccount(), await newAccount()];
    const device = async () => cookieOf(await signIn(identity, ann));
    const idOf = ({ cookie }: { cookie: string }) => cookie.split('.')[2];
    const phone = await device();
    let laptop = await device();
    // Two devices can have the same id of the sixteen.
    while (idOf(laptop) === idOf(phone)) laptop = await device();
    const onPhone = () => guess(identity, ann, phone);
    expect(await statuses(4, onPhone)).toEqual([401, 401, 401, 429]);
    expect((await guess(identity, ann, phone)).status).toBe(429);
    expect((await signIn(identity, ann, PASSWORD, laptop)).status).toBe(200);
    expect((await signIn(identity, ann)).status).toBe(200);

    await statuses(4, () => guess(identity, bob));
    expect((await signIn(identity, bob, PASSWORD, laptop)).status).toBe(429);
    const forged = { cookie: laptop.cookie.replace(/.{5}$/, 'AAAAA') };
    await statuses(4, () => guess(identity, ann));
    expect((await signIn(identity, ann, PASSWORD, forged)).status).toBe(429);
  });

  it('can be an application without cookies, which asks for a token in a header', async () => {
    const ann = await newAccount();
    const first = await signIn(identity, ann, PASSWORD, { 'device-token': 'new' });
    expect([first.cookie, first.deviceToken]).toEqual([null, expect.stringMatching(/^d2\./)]);
    await statuses(4, () => guess(identity, ann));
    expect((await signIn(identity, ann)).status).toBe(429);
    const device = { 'device-token': first.deviceToken! };
    expect((await signIn(identity, ann, PASSWORD, device)).status).toBe(200);
  });

  it('is a stranger again once the password has been set anew', async () => {
    const ann = await newAccount();
    const device = cookieOf(await signIn(identity, ann));
    expect((await guess(identity, ann, device)).status).toBe(401);
    await replica.database.run((manager) =>
      manager.query(
        `UPDATE accounts SET password_version = password_version + 1 WHERE email = $1`,
        [ann],
      ),
    );
    await statuses(4, () => guess(identity, ann));
    expect((await guess(identity, ann, device)).status).toBe(429);
  });

  it('that changes the password is known by the new one, and stays so for other accounts', async () => {
    const [ann, bob] = [await newAccount(), await newAccount()];
    const ofBob = cookieOf(await signIn(identity, bob));
    const change = async (headers: Record<string, string>) => {
      const email = await newAccount();
      const token = await tokenOf(email);
      const body = { current_password: PASSWORD, new_password: 'another password of mine' };
      const answer = await post(identity, '/auth/password', body, {
        ...headers,
        authorization: `Bearer ${token}`,
      });
      expect(answer.status).toBe(200);
      return { email, answer };
    };
    const signInAfter = (email: string, headers: Record<string, string> = {}) =>
      signIn(identity, email, 'another password of mine', headers);

    const { email, answer } = await change(ofBob);
    await statuses(4, () => guess(identity, email));
    expect((await signInAfter(email)).status).toBe(429);
    expect((await signInAfter(email, cookieOf(answer))).status).toBe(200);
    await statuses(4, () => guess(identity, bob));
    expect((await signIn(identity, bob, PASSWORD, cookieOf(answer))).status).toBe(200);

    const app = await change({ 'device-token': 'new' });
    expect([app.answer.cookie, app.answer.deviceToken]).toEqual([
      null,
      expect.stringMatching(/^d2\./),
    ]);
    await statuses(4, () => guess(identity, app.email));
    const device = { 'device-token': app.answer.deviceToken! };
    expect((await signInAfter(app.email, device)).status).toBe(200);

    // Who does not know the password gets nothing.
    const wrong = { current_password: 'wrong', new_password: 'another password of mine' };
    const authorization = `Bearer ${await tokenOf(ann)}`;
    const refused = await post(identity, '/auth/password', wrong, { authorization });
    expect([refused.status, refused.cookie]).toEqual([403, null]);
  });

  it('is not made by a sign-in that fails', async () => {
    const tried = await guess(identity, await newAccount(), { 'device-token': 'new' });
    expect([tried.status, tried.cookie, tried.deviceToken]).toEqual([401, null, null]);
  });
});

describe('wrong passwords from one address', () => {
  const anybody = () => `${String((people += 1))}@example.test`;
  const from = (identity: ServingIdentity, address: string) =>
    guess(identity, anybody(), { 'x-forwarded-for': address });

  it('are bounded whatever the account; of IPv6 the whole /64 is one address', async () => {
    const hosts = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:DB8:1:2:3:4:5:6'];
    for (const host of hosts) expect((await from(identity, host)).status).toBe(401);
    const refused = await from(identity, '2001:db8:1:2::77');
    expect(refused).toMatchObject({ status: 429, code: 'too_many_attempts' });
    expect(refused.retryAfter).toBeGreaterThan(3000);
    expect(refused.retryAfter).toBeLessThanOrEqual(3600);
    expect((await from(identity, '2001:db8:1:3::1')).status).toBe(401);
    expect((await from(identity, '192.0.2.1')).status).toBe(401);
    expect((await from(identity, '192.0.2.2')).status).toBe(401);
  });

  it('are counted by the address of the connection when nobody is trusted to say another', async () => {
    const identity = await serve({ ...LOW, TRUSTED_PROXIES: '' });
    let n = 0;
    const tried = await statuses(4, () => from(identity, `192.0.2.${String((n += 1))}`));
    expect(tried).toEqual([401, 401, 401, 429]);
  });

  it('do not count while the right ones are used', async () => {
    const ann = await newAccount();
    const address = { 'x-forwarded-for': '192.0.2.50' };
    const tried = await statuses(6, () => signIn(identity, ann, PASSWORD, address));
    expect(tried).toEqual(Array(6).fill(200));
  });
});

describe('one neighbourhood', () => {
  const everywhere = (identity: ServingIdentity, start: string) => {
    let n = 0;
    return (path: string, body: () => object) => () =>
      post(identity, path, body(), { 'x-forwarded-for': `${start}:${String((n += 1))}::1` });
  };
  const email = () => `${String((people += 1))}@example.test`;

  it('does not use up what is meant for everybody, however many addresses it has', async () => {
    const identity = await serve({
      SIGN_IN_FAILURES_PER_NETWORK: '4/3600',
      SIGN_IN_FAILURES_IN_ALL: '8/3600',
      MESSAGES_PER_NETWORK: '4/3600',
      MESSAGES_IN_ALL: '8/3600',
    });
    const there = everywhere(identity, '2001:db8:7');
    const wrong = () => ({ email: email(), password: 'a wrong password' });
    const guesses = await Promise.all(Array.from({ length: 30 }, there('/auth/login', wrong)));
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(4);
    expect(guesses.filter(({ status }) => status === 429)).toHaveLength(26);
    const messages = await Promise.all(
      Array.from(
        { length: 30 },
        there('/auth/register', () => ({ email: email() })),
      ),
    );
    expect(messages.filter(({ status }) => status === 202)).toHaveLength(4);
    // Elsewhere nobody has noticed.
    const elsewhere = everywhere(identity, '2001:db8:8');
    expect(await statuses(4, elsewhere('/auth/login', wrong))).toEqual([401, 401, 401, 401]);
    const register = elsewhere('/auth/register', () => ({ email: email() }));
    expect(await statuses(4, register)).toEqual([202, 202, 202, 202]);
  });

  it('does not keep its known devices waiting for a message; those together have their own bound', async () => {
    const identity = await serve({ MESSAGES_PER_NETWORK: '3/3600' });
    const there = everywhere(identity, '2001:db8:9');
    const [ann, bob] = [await newAccount(), await newAccount()];
    const devices = [
      [ann, cookieOf(await signIn(identity, ann))],
      [bob, cookieOf(await signIn(identity, bob))],
    ] as const;
    await statuses(
      4,
      there('/auth/register', () => ({ email: email() })),
    );
    const asked: number[] = [];
    for (const [of, device] of [...devices, ...devices]) {
      const headers = { ...device, 'x-forwarded-for': '2001:db8:9:99::1' };
      asked.push((await post(identity, '/auth/password-reset', { email: of }, headers)).status);
    }
    expect(asked).toEqual([202, 202, 202, 429]);
  });

  it('does not keep everybody else from signing in with right passwords of its own', async () => {
    const identity = await serve({ PASSWORD_HASH_PROCESSES: '1', PASSWORD_HASH_QUEUE: '5' });
    const [ann, bob] = [await newAccount(), await newAccount()];
    const there = everywhere(identity, '2001:db8:b');
    const many = Array.from(
      { length: 30 },
      there('/auth/login', () => ({ email: ann, password: PASSWORD })),
    );
    const elsewhere = signIn(identity, bob, PASSWORD, { 'x-forwarded-for': '2001:db8:c::1' });
    expect((await elsewhere).status).toBe(200);
    const answered = (await Promise.all(many)).map(({ status }) => status);
    expect(new Set(answered)).toEqual(new Set([200, 503]));
    expect((await signIn(identity, ann)).status).toBe(200);
  });

  it('gets a part of the refreshes', async () => {
    const identity = await serve({ REFRESHES_PER_NETWORK: '3/3600' });
    const refresh = everywhere(identity, '2001:db8:a')('/auth/refresh', wellFormedJunk);
    expect(await statuses(4, refresh)).toEqual([401, 401, 401, 429]);
  });
});

it('wrong passwords of everybody are bounded too', async () => {
  const identity = await serve({ SIGN_IN_FAILURES_IN_ALL: '4/3600' });
  const tried = await statuses(6, () => guess(identity, `${String((people += 1))}@example.test`));
  expect(tried).toEqual([401, 401, 401, 401, 429, 429]);
  const metrics = await (await fetch(`${identity.operator}/metrics`)).text();
  expect(metrics).toContain('countersign_attempts_refused_total{kind="sign_in",by="all"} 2');
  expect(metrics).toContain('countersign_attempts_counted_together 0');
});

describe('messages', () => {
  it('go out to one address only so often, whether there is an account or not', async () => {
    for (const email of [await newAccount(), 'nobody-yet@example.test']) {
      const register = () => post(identity, '/auth/register', { email });
      expect(await statuses(3, register)).toEqual([202, 202, 429]);
    }
  });

  it('and are asked for from one address only so often', async () => {
    const register = () =>
      post(
        identity,
        '/auth/register',
        { email: `${String((people += 1))}@example.test` },
        { 'x-forwarded-for': '192.0.2.77' },
      );
    expect(await statuses(4, register)).toEqual([202, 202, 202, 429]);
  });

  it('the tokens in them are guessed only so often', async () => {
    const body = { token: 'x', password: 'a new password of mine' };
    const verify = () =>
      post(identity, '/auth/email/verify', body, { 'x-forwarded-for': '192.0.2.78' });
    expect(await statuses(4, verify)).toEqual([400, 400, 400, 429]);
  });
});

it('the current password is guessed as slowly by who has got hold of a session', async () => {
  const [ann, bob] = [await newAccount(), await newAccount()];
  const [ofAnn, ofBob] = [await tokenOf(ann), await tokenOf(bob)];
  const body = { current_password: 'a wrong password', new_password: 'another password of mine' };
  const change = (token: string, more = body) =>
    post(identity, '/auth/password', more, { authorization: `Bearer ${token}` });
  const deleteAccount = () =>
    post(
      identity,
      '/auth/account/delete',
      { current_password: 'wrong' },
      { authorization: `Bearer ${ofAnn}` },
    );
  expect(await statuses(2, () => change(ofAnn))).toEqual([403, 403]);
  expect((await deleteAccount()).status).toBe(403);
  expect((await deleteAccount()).status).toBe(429);
  expect(await change(ofAnn)).toMatchObject({ status: 429, code: 'too_many_attempts' });
  expect((await change(ofBob)).status).toBe(403);
  // Nobody's sign-in is touched by it.
  expect((await signIn(identity, ann)).status).toBe(200);
});

it('a thief who guesses it waits in the session that was stolen, and the owner in none of theirs; what is tried in all together is bounded', async () => {
  const identity = await serve({ ...STRICT, PASSWORD_CHECKS_PER_ACCOUNT: '8/3600' });
  const [ann, bob] = [await newAccount(), await newAccount()];
  const change = (token: string, current: string) =>
    post(
      identity,
      '/auth/password',
      { current_password: current, new_password: 'another password of mine' },
      { authorization: `Bearer ${token}` },
    );
  const thief = await tokenOf(ann);
  expect(await statuses(5, () => change(thief, 'wrong'))).toEqual([403, 403, 403, 429, 429]);
  expect((await change(thief, PASSWORD)).status).toBe(429);
  expect((await change(await tokenOf(ann), PASSWORD)).status).toBe(200);

  const all: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    const stolen = await tokenOf(bob);
    all.push(...(await statuses(3, () => change(stolen, 'wrong'))));
  }
  expect(all).toEqual([...Array<number>(8).fill(403), ...Array<number>(4).fill(429)]);
});

it('a thief who guesses it does not keep an owner who has just signed in from ending that session', async () => {
  const ann = await newAccount();
  const thief = await tokenOf(ann);
  const end = async (path: string, token: string, body?: object) => {
    const answer = await fetch(`${identity.public}${path}`, {
      method: 'DELETE',
      headers: {
        authorization: `Bearer ${token}`,
        'x-forwarded-for': newAddress(),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return answer.status;
  };
  const guessAt = (path: string) => end(path, thief, { current_password: 'wrong' });
  const { sid } = JSON.parse(
    Buffer.from((await tokenOf(ann)).split('.')[1]!, 'base64url').toString(),
  ) as { sid: string };
  expect(await guessAt('/auth/sessions')).toBe(403);
  expect(await guessAt('/auth/sessions?keep=current')).toBe(403);
  expect(await guessAt(`/auth/sessions/${sid}`)).toBe(403);
  expect(await guessAt(`/auth/sessions/${sid}`)).toBe(429);
  expect(await end('/auth/sessions?keep=current', await tokenOf(ann))).toBe(202);
  expect(await guessAt('/auth/sessions')).toBe(401);
});

it('refreshes are bounded too, whatever comes of them; what cannot be a refresh token uses nothing up', async () => {
  const refresh = (body: object) => () =>
    post(identity, '/auth/refresh', body, { 'x-forwarded-for': '192.0.2.60' });
  expect(await statuses(5, refresh({ refresh_token: 'x' }))).toEqual(Array(5).fill(401));
  expect(await statuses(5, refresh({ other: 'x' }))).toEqual(Array(5).fill(400));
  expect(await statuses(5, refresh(wellFormedJunk()))).toEqual([401, 401, 401, 429, 429]);
});

describe('right passwords', () => {
  const login = async (
    identity: ServingIdentity,
    email: string,
    headers?: Record<string, string>,
  ) => (await signIn(identity, email, PASSWORD, headers)).status;

  it('for one account are bounded, so that nobody fills the places for hashing with them', async () => {
    const identity = await serve({ RIGHT_PASSWORDS: '3/3600' });
    const [ann, bob] = [await newAccount(), await newAccount()];
    const phone = cookieOf(await signIn(identity, ann));
    // Whatever strangers do takes nothing of it.
    expect(await statuses(5, () => guess(identity, ann))).toEqual(Array(5).fill(401));
    const both = [
      await login(identity, ann),
      await login(identity, ann),
      await login(identity, ann),
    ];
    expect(both).toEqual([200, 200, 429]);
    const onPhone = await statuses(4, () => signIn(identity, ann, PASSWORD, phone));
    expect(onPhone).toEqual([200, 200, 200, 429]);
    expect(await login(identity, bob)).toBe(200);
  });

  it('are bounded too where whoever has signed in gives it again', async () => {
    const limited = await serve({ RIGHT_PASSWORDS: '2/3600' });
    const ann = await newAccount();
    const headers = { authorization: `Bearer ${await tokenOf(ann)}` };
    const takeAlong = (password: string) => () =>
      post(limited, '/auth/account/export', { current_password: password }, headers);
    expect(await statuses(2, takeAlong('a wrong password'))).toEqual([403, 403]);
    expect(await statuses(3, takeAlong(PASSWORD))).toEqual([200, 200, 429]);
    // The address that the account has: refused before anything is hashed, so it may be as often as it likes.
    const bob = await newAccount();
    const ofBob = { authorization: `Bearer ${await tokenOf(bob)}` };
    const same = (password: string) => () =>
      post(limited, '/auth/email/change', { email: bob, current_password: password }, ofBob);
    expect(await statuses(4, same(PASSWORD))).toEqual([400, 400, 400, 400]);
    expect(await statuses(1, same('a wrong password'))).toEqual([400]);
    // Signing in is another matter.
    expect(await login(limited, ann)).toBe(200);
  });
});

it('client secrets are guessed only so often, for one client and from one address; answered as OAuth does', async () => {
  const ask = (client: string, path: string, address = '192.0.2.80') =>
    fetch(`${identity.public}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${client}:wrong`).toString('base64')}`,
        'x-forwarded-for': address,
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', token: 'x' }),
    });
  expect((await ask('billing', '/oauth/token')).status).toBe(401);
  expect((await ask('billing', '/oauth/revoke')).status).toBe(401);
  const refused = await ask('billing', '/oauth/token');
  expect([refused.status, await refused.json()]).toMatchObject([
    429,
    { error: 'too_many_attempts' },
  ]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
  expect((await ask('billing', '/oauth/token', '192.0.2.81')).status).toBe(401);
  const others: number[] = [];
  for (const client of ['a', 'b', 'c']) others.push((await ask(client, '/oauth/token')).status);
  expect(others).toEqual([401, 401, 429]);
});

describe('with Redis', () => {
  const settings = () => ({ ...STRICT, REDIS_URL: redis.url });
  const together = async (identity: ServingIdentity) =>
    /^countersign_attempts_counted_together (\d)$/m.exec(
      await (await fetch(`${identity.operator}/metrics`)).text(),
    )?.[1];
  async function untilTogether(identity: ServingIdentity, value: '0' | '1') {
    const limit = performance.now() + 30_000;
    while ((await together(identity)) !== value) {
      if (performance.now() > limit) throw new Error('it did not happen in time');
      // Counting is what tells a replica that Redis is there.
      await signIn(identity, 'nobody-asks@example.test', 'x');
      await delay(50);
    }
  }

  it('two replicas count together', async () => {
    const [one, other] = [await serve(settings()), await serve(settings())];
    await untilTogether(one, '1');
    await untilTogether(other, '1');
    const email = await newAccount();
    expect((await guess(one, email)).status).toBe(401);
    expect((await guess(other, email)).status).toBe(401);
    expect((await guess(one, email)).status).toBe(401);
    expect((await guess(other, email)).status).toBe(429);
    expect((await signIn(one, email)).status).toBe(429);
    // A device is known to both, and right passwords leave nothing behind on either.
    const bob = await newAccount();
    const device = cookieOf(await signIn(one, bob));
    await statuses(4, () => guess(one, bob));
    expect(await statuses(6, () => signIn(other, bob, PASSWORD, device))).toEqual(
      Array(6).fill(200),
    );
  });

  it('that is lost, people sign in and guesses are bounded, by each replica; when it is back, together', async () => {
    const [one, other] = [await serve(settings()), await serve(settings())];
    await untilTogether(one, '1');
    await redis.halt();
    try {
      const email = await newAccount();
      expect((await signIn(one, email)).status).toBe(200);
      expect(await statuses(4, () => guess(one, email))).toEqual([401, 401, 401, 429]);
      expect((await signIn(other, email)).status).toBe(200);
      expect(await together(one)).toBe('0');
    } finally {
      await redis.resume();
    }
    await untilTogether(one, '1');
    await untilTogether(other, '1');
    const email = await newAccount();
    await statuses(3, () => guess(one, email));
    expect((await guess(other, email)).status).toBe(429);
  });

  it('that hangs, people sign in after a moment', async () => {
    const identity = await serve(settings());
    await untilTogether(identity, '1');
    redis.freeze();
    try {
      const email = await newAccount();
      expect((await signIn(identity, email)).status).toBe(200);
      expect(await statuses(4, () => guess(identity, email))).toEqual([401, 401, 401, 429]);
    } finally {
      redis.thaw();
    }
    await untilTogether(identity, '1');
  });

  it('needs no more rights there than the page about Redis gives', async () => {
    const page = readFileSync(
      new URL('../../../../docs/operations/redis.md', import.meta.url),
      'utf8',
    );
    const users = /```acl\n([^`]*)```/.exec(page)![1]!.trim().split('\n');
    const guarded = await startThrowAwayRedis({
      settings: { user: users.map((line) => line.replace(/^user /, '')) },
    });
    try {
      const url = `redis://countersign-relay:relay-password@127.0.0.1:${String(guarded.port)}`;
      const identity = await serve({ SIGN_IN_FREE_FAILURES: '1', REDIS_URL: url });
      await untilTogether(identity, '1');
      const email = await newAccount();
      // Through the gate each time, which every success opens again.
      expect(await statuses(3, () => signIn(identity, email))).toEqual([200, 200, 200]);
      await guess(identity, email);
      expect(await together(identity)).toBe('1');
    } finally {
      await guarded.stop();
    }
  });

  it('knows nobody: neither addresses nor e-mail addresses are in it, and all of it ends by itself', async () => {
    const identity = await serve(settings());
    await untilTogether(identity, '1');
    const email = await newAccount();
    await statuses(4, () => guess(identity, email, { 'x-forwarded-for': '192.0.2.99' }));
    const { createRedis, connect, giveUp } = await import('@countersign/revocation-redis');
    const client = createRedis({ url: redis.url, commandTimeoutMs: 5_000 });
    await connect(client);
    try {
      const keys = await client.keys('countersign:attempts:*');
      expect(keys.length).toBeGreaterThan(3);
      for (const key of keys) {
        expect(key).toMatch(/^countersign:attempts:[a-z_:]+:(all|[\w-]{22})$/);
        expect(await client.pttl(key)).toBeGreaterThan(0);
      }
    } finally {
      giveUp(client);
    }
  });
});
