import { jest } from '@jest/globals';
import { hash } from '@node-rs/argon2';
import fc from 'fast-check';
import { decodeJwt, SignJWT } from 'jose';
import { ask, Browser } from '../../../test/browser.js';
import { startReplica, stopReplicas } from '../../../test/identity-under-test.js';
import type { Replica } from '../../../test/identity-under-test.js';
import { startServing } from '../../../test/serving-identity.js';
import type { ServingIdentity } from '../../../test/serving-identity.js';
import { Accounts } from '../../accounts/accounts.js';
import { SessionLookup } from '../session-lookup.js';
import { SessionTokens } from '../session-tokens.js';
import { ACCESS, OPAQUE, REFRESH } from './cookies.js';

jest.setTimeout(180_000);

const ISSUER = 'http://localhost:8080';
const TRUSTED = 'https://app.example.test';
const PASSWORD = 'a long enough password';
const ann = { email: 'ann@example.test', password: PASSWORD };
const bob = { email: 'bob@example.test', password: PASSWORD };

let replica: Replica;
let identity: ServingIdentity;
let url: string;
let annId: string;
beforeAll(async () => {
  replica = await startReplica();
  const passwordHash = await hash(PASSWORD, { memoryCost: 19_456, timeCost: 2 });
  annId = await replica.get(Accounts).addVerified(ann.email, passwordHash, ['customer']);
  await replica.get(Accounts).addVerified(bob.email, passwordHash, ['customer']);
  identity = await startServing(replica.databaseUrl, { TRUSTED_ORIGINS: TRUSTED });
  url = identity.public;
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

const sql = <T>(text: string, values: unknown[] = []) =>
  replica.database.run((manager) => manager.query<T[]>(text, values));
const browser = () => new Browser(url, ISSUER);
const post = (path: string, body: unknown, headers: readonly string[] = []) =>
  ask(url, 'POST', path, {
    headers: ['content-type', 'application/json', ...headers],
    body: JSON.stringify(body),
  });
const bearer = (token: unknown) => ['authorization', `Bearer ${String(token)}`];
const sidOf = (body: Record<string, unknown>) => (body['session'] as { sid: string }).sid;
const logIn = async (who = ann, more: Record<string, unknown> = {}) =>
  (await post('/auth/login', { ...who, ...more })).body;
async function signIn(delivery: 'cookie' | 'session', more: Record<string, unknown> = {}) {
  const inBrowser = browser();
  const { status, body } = await inBrowser.fetch('POST', '/auth/login', {
    ...ann,
    delivery,
    ...more,
  });
  expect(status).toBe(200);
  return { browser: inBrowser, sid: sidOf(body), body };
}

describe('delivery bearer', () => {
  it('gives both tokens in the body, and no cookie', async () => {
    const { status, body, setCookies } = await post('/auth/login', {
      ...ann,
      device_name: 'a phone',
    });
    expect(status).toBe(200);
    expect(setCookies.filter((line) => !line.includes('-device='))).toEqual([]);
    expect(Object.keys(body).sort()).toEqual([
      'access_token',
      'expires_in',
      'refresh_expires_in',
      'refresh_token',
      'session',
      'token_type',
    ]);
    expect(body).toMatchObject({
      token_type: 'Bearer',
      refresh_expires_in: 3600,
      session: { device_name: 'a phone' },
    });
  });

  it('is carried on by the refresh token in the body, whatever else comes along', async () => {
    const first = await logIn();
    const next = await post(
      '/auth/refresh',
      { refresh_token: first['refresh_token'] },
      bearer('x'),
    );
    expect(next).toMatchObject({ status: 200, setCookies: [] });
    expect(sidOf(next.body)).toBe(sidOf(first));
    const me = await ask(url, 'GET', '/auth/me', { headers: bearer(next.body['access_token']) });
    expect(me.body).toMatchObject({ email: ann.email, sid: sidOf(first) });
    const again = await post('/auth/refresh', { refresh_token: first['refresh_token'] });
    expect(again.body['refresh_token']).toBe(next.body['refresh_token']);
  });

  it('a replay ends it: its access token is refused where something is changed at once', async () => {
    const first = await logIn();
    const second = await post('/auth/refresh', { refresh_token: first['refresh_token'] });
    await post('/auth/refresh', { refresh_token: second.body['refresh_token'] });
    const replay = await post('/auth/refresh', { refresh_token: first['refresh_token'] });
    expect(replay).toMatchObject({ status: 401, body: { code: 'refresh_token_replayed' } });
    expect(replay.headers['www-authenticate']).toMatch(/^Bearer .*error="invalid_token"/);
    const ended = await post('/auth/logout', {}, bearer(second.body['access_token']));
    expect(ended.status).toBe(401);
  });
});

describe('delivery cookie', () => {
  it('puts both tokens out of the reach of scripts, and nothing of them in the body', async () => {
    const { browser: inBrowser, body } = await signIn('cookie');
    expect(Object.keys(body).sort()).toEqual(['expires_in', 'refresh_expires_in', 'session']);
    const [access, refresh] = [ACCESS, REFRESH].map(({ name }) => inBrowser.cookies.get(name)!);
    expect(access!.attributes).toEqual(['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']);
    expect(refresh!.attributes).toEqual([
      'Path=/auth/refresh',
      'HttpOnly',
      'Secure',
      'SameSite=Strict',
    ]);
    expect([ACCESS.name, REFRESH.name]).toEqual([
      '__Host-countersign-access',
      '__Secure-countersign-refresh',
    ]);
    expect(decodeJwt(access!.value)).toMatchObject({ sub: annId });
  });

  it('walks from sign-in to log-out by its cookies alone', async () => {
    const { browser: inBrowser, sid } = await signIn('cookie');
    expect((await inBrowser.fetch('GET', '/auth/me')).body).toMatchObject({ sid });
    const before = inBrowser.cookies.get(ACCESS.name)!.value;
    const refreshed = await inBrowser.fetch('POST', '/auth/refresh');
    expect(refreshed.status).toBe(200);
    expect(Object.keys(refreshed.body).sort()).toEqual([
      'expires_in',
      'refresh_expires_in',
      'session',
    ]);
    expect(inBrowser.cookies.get(ACCESS.name)!.value).not.toBe(before);
    expect((await inBrowser.fetch('GET', '/auth/me')).body).toMatchObject({ sid });
    const kept = inBrowser.cookieHeader('/auth/refresh');
    expect((await inBrowser.fetch('POST', '/auth/logout')).status).toBe(202);
    expect([...inBrowser.sessionCookies]).toEqual([]);
    const after = await ask(url, 'POST', '/auth/refresh', {
      headers: ['cookie', kept, 'origin', ISSUER],
    });
    expect(after).toMatchObject({ status: 401, body: { code: 'session_ended' } });
    // What is of no use any more is taken back.
    expect(after.setCookies.every((line) => line.includes('Max-Age=0'))).toBe(true);
    expect(after.setCookies).toHaveLength(3);
  });

  it('remembered, it outlives the browser; otherwise not', async () => {
    for (const remember of [true, false]) {
      const { browser: inBrowser } = await signIn('cookie', { remember });
      const lives = [ACCESS, REFRESH].map(({ name }) => inBrowser.cookies.get(name)!.maxAge);
      if (remember) expect(lives).toEqual([7 * 86_400, 7 * 86_400]);
      else expect(lives).toEqual([undefined, undefined]);
      inBrowser.restart();
      const { status } = await inBrowser.fetch('POST', '/auth/refresh');
      expect([remember, status]).toEqual([remember, remember ? 200 : 401]);
    }
  });
});

describe('delivery session', () => {
  it('gives the browser an opaque id, of which only a digest is stored', async () => {
    const { browser: inBrowser, sid, body } = await signIn('session');
    expect(body).toEqual({ session: { sid, device_name: null } });
    expect([...inBrowser.sessionCookies.keys()]).toEqual([OPAQUE.name]);
    const { value, attributes } = inBrowser.cookies.get(OPAQUE.name)!;
    expect(OPAQUE.name).toBe('__Host-countersign-session');
    expect(attributes).toEqual(['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']);
    expect(value).toMatch(new RegExp(`^${sid}\\.[\\w-]{43}$`));
    const [row] = await sql<{ row: string }>(
      `SELECT to_jsonb(sessions)::text AS row FROM sessions WHERE sid = $1`,
      [sid],
    );
    expect(row!.row).not.toContain(value.split('.')[1]);
    expect((await inBrowser.fetch('GET', '/auth/me')).body).toMatchObject({
      sid,
      email: ann.email,
    });
  });

  it('remembered, its cookie lives as long as the session can', async () => {
    const { browser: inBrowser } = await signIn('session', { remember: true });
    expect(inBrowser.cookies.get(OPAQUE.name)!.maxAge).toBe(30 * 86_400);
  });

  it('is over for everybody at once when it ends, and another secret for it was never good', async () => {
    const { browser: inBrowser, sid } = await signIn('session');
    const cookie = inBrowser.cookieHeader('/');
    const wrong = `${OPAQUE.name}=${sid}.${'a'.repeat(43)}`;
    const asked = (value: string) => ask(url, 'GET', '/auth/me', { headers: ['cookie', value] });
    expect((await asked(wrong)).body).toMatchObject({ code: 'session_ended' });
    expect((await asked(cookie)).status).toBe(200);
    expect((await inBrowser.fetch('POST', '/auth/logout', {})).status).toBe(202);
    expect([...inBrowser.sessionCookies]).toEqual([]);
    expect(await asked(cookie)).toMatchObject({ status: 401, body: { code: 'session_ended' } });
  });

  it('is used: the note of it is written once a minute at most, and puts off the idle end', async () => {
    const { browser: inBrowser, sid } = await signIn('session');
    const times = async () =>
      (
        await sql<{ seen: string; idle: string }>(
          `SELECT last_seen_at::text AS seen, idle_expires_at::text AS idle FROM sessions WHERE sid = $1`,
          [sid],
        )
      )[0]!;
    const begun = await times();
    await inBrowser.fetch('GET', '/auth/me');
    expect(await times()).toEqual(begun);
    await sql(
      `UPDATE sessions SET last_seen_at = last_seen_at - interval '61 s',
         idle_expires_at = idle_expires_at - interval '61 s' WHERE sid = $1`,
      [sid],
    );
    const old = await times();
    await Promise.all(Array.from({ length: 5 }, () => inBrowser.fetch('GET', '/auth/me')));
    const noted = await times();
    expect(noted.seen > old.seen && noted.idle > old.idle).toBe(true);
    await inBrowser.fetch('GET', '/auth/me');
    expect(await times()).toEqual(noted);
  });

  it('can be looked up by what stands in the cookie, and a token issued for it', async () => {
    const { browser: inBrowser, sid } = await signIn('session');
    const { value } = inBrowser.cookies.get(OPAQUE.name)!;
    const lookup = replica.get(SessionLookup);
    expect(await lookup.byCookie(value)).toMatchObject({
      state: 'live',
      sid,
      accountId: annId,
      clientId: 'first-party',
      scopes: expect.arrayContaining(['orders:read']) as string[],
    });
    const { claims } = await replica.get(SessionTokens).issueFor(sid);
    expect(claims).toMatchObject({ sid, sub: annId });
    for (const text of ['', '.', `${sid}.`, `${sid}.${'a'.repeat(43)}`, `x${value}`, `${value}x`]) {
      expect(await lookup.byCookie(text)).toBeUndefined();
    }
    await inBrowser.fetch('DELETE', `/auth/sessions/${sid}`);
    expect(await lookup.byCookie(value)).toMatchObject({ state: 'ended' });
    await expect(replica.get(SessionTokens).issueFor(sid)).rejects.toMatchObject({
      code: 'session_ended',
    });
  });
});

describe('signing in again', () => {
  it('everything is fresh, and the session that the browser leaves is over', async () => {
    for (const [first, second] of [
      ['session', 'session'],
      ['session', 'cookie'],
      ['cookie', 'session'],
      ['cookie', 'bearer'],
    ] as const) {
      const { browser: inBrowser, sid: left } = await signIn(first);
      const planted = inBrowser.cookieHeader('/');
      const again = await inBrowser.fetch('POST', '/auth/login', { ...ann, delivery: second });
      expect(again.status).toBe(200);
      expect(sidOf(again.body)).not.toBe(left);
      // One delivery's cookies at most: with two the browser would be nobody.
      const names = { session: [OPAQUE.name], cookie: [ACCESS.name, REFRESH.name], bearer: [] };
      expect([...inBrowser.sessionCookies.keys()].sort()).toEqual([...names[second]].sort());
      expect(inBrowser.cookieHeader('/')).not.toContain(planted);
      const [row] = await sql(`SELECT end_reason FROM sessions WHERE sid = $1`, [left]);
      expect(row).toEqual({ end_reason: 'signed_in_again' });
    }
  });

  it('whoever signs in gets the new session also when the one that is left cannot be ended', async () => {
    const { browser: inBrowser, sid: left } = await signIn('session');
    await sql(
      `ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (action <> 'session.end') NOT VALID`,
    );
    try {
      const again = await inBrowser.fetch('POST', '/auth/login', { ...ann, delivery: 'session' });
      expect(again.status).toBe(200);
      expect((await inBrowser.fetch('GET', '/auth/me')).body).toMatchObject({
        sid: sidOf(again.body),
      });
    } finally {
      await sql(`ALTER TABLE audit DROP CONSTRAINT full_disk`);
    }
    expect(await sql(`SELECT end_reason FROM sessions WHERE sid = $1`, [left])).toEqual([
      { end_reason: null },
    ]);
  });

  it('a cookie that does not show where it comes from ends nothing', async () => {
    const { browser: inBrowser, sid } = await signIn('session');
    await post('/auth/login', ann, ['cookie', inBrowser.cookieHeader('/')]);
    expect((await inBrowser.fetch('GET', '/auth/me')).body).toMatchObject({ sid });
  });
});

describe('what another site could have caused', () => {
  const GOOD: readonly (readonly [string, readonly string[]])[] = [
    ['the public origin', ['origin', ISSUER]],
    ['a trusted origin', ['origin', TRUSTED]],
    ['the same origin, as the browser says', ['sec-fetch-site', 'same-origin']],
    [
      'the same origin, behind a referrer policy',
      ['sec-fetch-site', 'same-origin', 'origin', 'null'],
    ],
  ];
  const BAD: readonly (readonly [string, readonly string[]])[] = [
    ['nothing said', []],
    ['another origin', ['origin', 'https://evil.example']],
    ['another scheme', ['origin', 'https://localhost:8080']],
    ['another port', ['origin', 'http://localhost:8081']],
    ['a longer host', ['origin', `${TRUSTED}.evil.example`]],
    ['a host below', ['origin', 'https://a.app.example.test']],
    ['no origin', ['origin', 'null']],
    ['another site', ['sec-fetch-site', 'cross-site']],
    ['a neighbouring host', ['sec-fetch-site', 'same-site']],
    ["a person's own doing", ['sec-fetch-site', 'none']],
    ['two origins', ['origin', ISSUER, 'origin', ISSUER]],
    ['only a referrer', ['referer', `${ISSUER}/`]],
  ];
  const refused = { status: 403, body: { code: 'origin_required' } };

  it.each(GOOD)('%s may sign in with a cookie, and change things with it', async (_, headers) => {
    const begun = await post('/auth/login', { ...ann, delivery: 'cookie' }, headers);
    expect(begun.status).toBe(200);
    const cookie = begun.setCookies.map((line) => line.split(';')[0]).join('; ');
    const [access, refresh] = cookie.split('; ') as [string, string];
    const refreshed = await post('/auth/refresh', {}, [
      'cookie',
      `${access}; ${refresh}`,
      ...headers,
    ]);
    expect(refreshed.status).toBe(200);
    const others = await ask(url, 'DELETE', '/auth/sessions?keep=current', {
      headers: ['cookie', access, ...headers],
    });
    expect(others.status).toBe(202);
    expect((await post('/auth/logout', {}, ['cookie', access, ...headers])).status).toBe(202);
  });

  it.each(BAD)('%s may not', async (_, headers) => {
    for (const delivery of ['cookie', 'session']) {
      expect(await post('/auth/login', { ...ann, delivery }, headers)).toMatchObject(refused);
    }
    // A bearer of a token needs to show nothing: no browser adds that by itself.
    expect((await post('/auth/refresh', { refresh_token: 'x' }, headers)).status).toBe(401);
    for (const { browser: inBrowser } of [await signIn('cookie'), await signIn('session')]) {
      const cookie = ['cookie', inBrowser.cookieHeader('/')];
      expect(await post('/auth/logout', {}, [...cookie, ...headers])).toMatchObject(refused);
      for (const path of ['/auth/sessions', '/auth/sessions?keep=current', '/auth/sessions/x']) {
        expect(await ask(url, 'DELETE', path, { headers: [...cookie, ...headers] })).toMatchObject(
          refused,
        );
      }
      const refreshCookie = inBrowser.cookies.get(REFRESH.name);
      if (refreshCookie) {
        const inCookie = ['cookie', inBrowser.cookieHeader('/auth/refresh')];
        expect(await post('/auth/refresh', {}, [...inCookie, ...headers])).toMatchObject(refused);
      }
      // Reading is not changing; and nothing has ended.
      expect((await ask(url, 'GET', '/auth/me', { headers: [...cookie, ...headers] })).status).toBe(
        200,
      );
    }
  });

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'])(
    'a form of a page elsewhere is refused for that, not for its type (%s)',
    async (type) => {
      const form = (path: string, headers: readonly string[]) =>
        ask(url, 'POST', path, { headers: ['content-type', type, ...headers], body: 'a=b' });
      const elsewhere = ['origin', 'https://evil.example', 'sec-fetch-site', 'cross-site'];
      for (const { browser: inBrowser } of [await signIn('cookie'), await signIn('session')]) {
        const cookie = ['cookie', inBrowser.cookieHeader('/auth/refresh')];
        for (const path of ['/auth/logout', '/auth/password', '/auth/refresh', '/auth/login']) {
          expect(await form(path, [...cookie, ...elsewhere])).toMatchObject(refused);
          expect(await form(path, cookie)).toMatchObject(refused);
        }
        expect((await form('/auth/logout', [...cookie, 'origin', ISSUER])).status).toBe(415);
      }
      // Whatever it would sign in for.
      expect(await form('/auth/login', elsewhere)).toMatchObject(refused);
      expect((await form('/auth/login', [])).status).toBe(415);
    },
  );

  it('a page of a trusted origin may ask and read; of any other it may not', async () => {
    const preflight = (origin: string, path = '/auth/refresh') =>
      ask(url, 'OPTIONS', path, {
        headers: ['origin', origin, 'access-control-request-method', 'POST'],
      });
    expect(await preflight(TRUSTED)).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': TRUSTED,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-headers': 'authorization, content-type, device-token, prefer',
        vary: 'Origin',
      },
    });
    const answer = await post('/auth/refresh', { refresh_token: 'x' }, ['origin', TRUSTED]);
    expect(answer.headers['access-control-allow-origin']).toBe(TRUSTED);
    expect(answer.headers['access-control-expose-headers']).toMatch(/^device-token, /);
    for (const origin of [ISSUER, 'https://evil.example', 'null', `${TRUSTED}.evil.example`, '*']) {
      for (const { headers } of [
        await preflight(origin),
        await post('/auth/refresh', { refresh_token: 'x' }, ['origin', origin]),
      ]) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual(
          [],
        );
        expect(headers['vary']).toBe('Origin');
      }
    }
    const elsewhere = await preflight(TRUSTED, '/oauth/token');
    expect(elsewhere.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('what a neighbouring host can plant', () => {
  const named = (name: string, value: string) => `${name}=${value}`;
  const refreshWith = (...cookies: readonly string[]) =>
    post('/auth/refresh', {}, ['cookie', cookies.join('; '), 'origin', ISSUER]);
  const rejected = { status: 401, body: { code: 'refresh_token_rejected' } };

  it('a refresh cookie signs nobody in: it counts only with the access cookie of its session', async () => {
    const [{ browser: victim }, { browser: thief }] = [
      await signIn('cookie'),
      await signIn('cookie'),
    ];
    const refresh = thief.cookies.get(REFRESH.name)!.value;
    const planted = named(REFRESH.name, refresh);
    const own = named(ACCESS.name, victim.cookies.get(ACCESS.name)!.value);
    expect(await refreshWith(planted)).toMatchObject(rejected);
    expect(await refreshWith(planted, own)).toMatchObject(rejected);
    for (const value of [
      '',
      'x',
      'a.b.c',
      'a.e30.c',
      `a.${Buffer.from('null').toString('base64url')}.c`,
    ])
      expect(await refreshWith(planted, named(ACCESS.name, value))).toMatchObject(rejected);
    // Nothing has happened to it: it is good where it belongs.
    expect((await thief.fetch('POST', '/auth/refresh')).status).toBe(200);
  });

  it('the access cookie may have expired by then', async () => {
    const { browser: inBrowser, sid } = await signIn('cookie');
    const expired = await new SignJWT({ sid, exp: 1 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.alloc(32));
    const refresh = named(REFRESH.name, inBrowser.cookies.get(REFRESH.name)!.value);
    expect((await refreshWith(refresh, named(ACCESS.name, expired))).status).toBe(200);
  });

  it.each([ACCESS, REFRESH, OPAQUE])(
    'two cookies %j are refused, also at a sign-in',
    async ({ name }) => {
      const twice = ['cookie', `${name}=a; ${name}=b`, 'origin', ISSUER];
      const many = { status: 400, body: { code: 'multiple_credentials' } };
      for (const delivery of ['bearer', 'cookie', 'session'])
        expect(await post('/auth/login', { ...ann, delivery }, twice)).toMatchObject(many);
      expect(await post('/auth/refresh', {}, twice)).toMatchObject(many);
    },
  );
});

describe('one credential at a time', () => {
  it.each([
    ['a header and a cookie', (t: Kinds) => [...t.header, ...t.access]],
    ['a header and an opaque cookie', (t: Kinds) => [...t.header, ...t.opaque]],
    ['two headers', (t: Kinds) => [...t.header, ...t.header]],
    ['two cookies of one name', (t: Kinds) => [...t.access, ...t.access]],
    ['two opaque cookies', (t: Kinds) => ['cookie', `${t.opaque[1]!}; ${t.opaque[1]!}`]],
    ['cookies of two deliveries', (t: Kinds) => ['cookie', `${t.opaque[1]!}; ${t.access[1]!}`]],
  ])('%s are too many', async (_, headers) => {
    const kinds = await someOfEach();
    for (const [method, path] of [
      ['GET', '/auth/me'],
      ['GET', '/auth/sessions'],
      ['DELETE', '/auth/sessions'],
      ['POST', '/auth/logout'],
    ] as const) {
      const answer = await ask(url, method, path, {
        headers: [...headers(kinds), 'origin', ISSUER],
      });
      expect(answer).toMatchObject({ status: 400, body: { code: 'multiple_credentials' } });
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_request"');
    }
  });

  it('also for a refresh', async () => {
    const { header, refresh, opaque } = await someOfEach();
    const origin = ['origin', ISSUER];
    const many = { status: 400, body: { code: 'multiple_credentials' } };
    expect(await post('/auth/refresh', {}, [...refresh, ...refresh, ...origin])).toMatchObject(
      many,
    );
    expect(await post('/auth/refresh', {}, [...refresh, ...header, ...origin])).toMatchObject(many);
    expect(await post('/auth/refresh', {}, [...header, ...header])).toMatchObject(many);
    expect(
      await post('/auth/refresh', { refresh_token: 'x' }, [...refresh, ...origin]),
    ).toMatchObject(many);
    // An opaque cookie has no refresh token; it needs none.
    expect(await post('/auth/refresh', {}, [...opaque, ...origin])).toMatchObject({
      status: 401,
      body: { code: 'refresh_token_rejected' },
    });
    expect((await post('/auth/refresh', {}, [...refresh, ...origin])).status).toBe(200);
  });
});

interface Kinds {
  readonly header: readonly string[];
  readonly access: readonly string[];
  readonly refresh: readonly string[];
  readonly opaque: readonly string[];
}
async function someOfEach(): Promise<Kinds> {
  const [{ access_token: token }, inCookie, inSession] = await Promise.all([
    logIn(),
    signIn('cookie'),
    signIn('session'),
  ]);
  const cookie = ({ browser: inBrowser }: typeof inCookie, { name }: { name: string }) => [
    'cookie',
    `${name}=${inBrowser.cookies.get(name)!.value}`,
  ];
  return {
    header: bearer(token),
    access: cookie(inCookie, ACCESS),
    // A refresh cookie counts only with the access cookie of its session.
    refresh: ['cookie', `${cookie(inCookie, REFRESH)[1]!}; ${cookie(inCookie, ACCESS)[1]!}`],
    opaque: cookie(inSession, OPAQUE),
  };
}

describe('whatever a client sends', () => {
  it('is never our fault', async () => {
    const { header, access, refresh, opaque } = await someOfEach();
    const kinds = [header, access, refresh, opaque];
    const part = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.constantFrom(...kinds.map(([, value]) => value!)),
      fc.constantFrom(
        `${ACCESS.name}=`,
        `${REFRESH.name}=x.y`,
        `${OPAQUE.name}=a.b`,
        'Bearer ',
        ISSUER,
      ),
    );
    const value = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) =>
      Buffer.from(parts.join('; '))
        .toString('latin1')
        .replace(/[^\t -~\x80-\xff]/g, ''),
    );
    const name = fc.constantFrom(
      'cookie',
      'authorization',
      'origin',
      'sec-fetch-site',
      'prefer',
      'user-agent',
    );
    const headers = fc.oneof(
      fc.array(fc.tuple(name, value), { maxLength: 4 }).map((pairs) => pairs.flat()),
      fc.constantFrom(...kinds),
    );
    const route = fc.constantFrom(
      ['POST', '/auth/refresh'] as const,
      ['POST', '/auth/login'] as const,
      ['GET', '/auth/sessions'] as const,
      ['GET', '/auth/me'] as const,
      ['DELETE', '/auth/sessions/x'] as const,
      ['OPTIONS', '/auth/sessions'] as const,
    );
    const query = fc.oneof(
      fc.constant(''),
      fc.constantFrom(
        '?cursor=9.x',
        '?cursor=99999999999999999.8a9d3f4e-0000-4000-8000-000000000000',
        '?limit=0',
        '?keep=',
        '?x=1',
      ),
      fc.string({ maxLength: 20 }).map((text) => `?cursor=${encodeURIComponent(text)}`),
    );
    const members = fc.dictionary(
      fc.constantFrom(
        'refresh_token',
        'delivery',
        'remember',
        'device_name',
        'email',
        '__proto__',
        'x',
      ),
      fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string(), fc.constantFrom('cookie', 'session')),
    );
    const body = fc.oneof(
      fc.constant(undefined),
      fc.string({ maxLength: 30 }),
      members.map((m) => JSON.stringify(m)),
    );
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(route, query, headers, body, async ([method, path], search, sent, text) => {
        const { status } = await ask(url, method, path + search, {
          headers: [...sent, ...(text === undefined ? [] : ['content-type', 'application/json'])],
          body: text,
        });
        seen.add(status);
        expect([200, 202, 204, 400, 401, 403, 404, 413, 415, 429]).toContain(status);
      }),
      { numRuns: 400 },
    );
    for (const status of [400, 401, 403]) expect(seen).toContain(status);
  });
});
