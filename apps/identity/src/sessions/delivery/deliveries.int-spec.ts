import { jest } from '@jest/globals';
import { decodeJwt } from 'jose';
import { ask } from '../../../test/browser.js';
import {
  addPerson,
  ann,
  annId,
  bearer,
  besides,
  ISSUER,
  logIn,
  post,
  publicUrl,
  sidOf,
  letExpire,
  signIn,
  sql,
  startDeliveries,
  stopDeliveries,
} from '../../../test/deliveries.js';
import { SessionLookup } from '../session-lookup.js';
import { SessionTokens } from '../session-tokens.js';
import { ACCESS, OPAQUE, REFRESH } from './cookies.js';

jest.setTimeout(180_000);
beforeAll(startDeliveries);
afterAll(stopDeliveries);

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
    const me = await ask(publicUrl(), 'GET', '/auth/me', {
      headers: bearer(next.body['access_token']),
    });
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
    expect(decodeJwt(access!.value)).toMatchObject({ sub: annId() });
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
    const after = await ask(publicUrl(), 'POST', '/auth/refresh', {
      headers: ['cookie', kept, 'origin', ISSUER],
    });
    expect(after).toMatchObject({ status: 401, body: { code: 'session_ended' } });
    expect(after.setCookies).toEqual([]);
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
    const asked = (value: string) =>
      ask(publicUrl(), 'GET', '/auth/me', { headers: ['cookie', value] });
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
    const lookup = besides().get(SessionLookup);
    expect(await lookup.byCookie(value)).toMatchObject({
      state: 'live',
      sid,
      accountId: annId(),
      clientId: 'first-party',
      scopes: expect.arrayContaining(['orders:read']) as string[],
    });
    const { claims } = await besides().get(SessionTokens).issueFor(sid);
    expect(claims).toMatchObject({ sid, sub: annId() });
    for (const text of ['', '.', `${sid}.`, `${sid}.${'a'.repeat(43)}`, `x${value}`, `${value}x`]) {
      expect(await lookup.byCookie(text)).toBeUndefined();
    }
    await inBrowser.fetch('DELETE', `/auth/sessions/${sid}`);
    expect(await lookup.byCookie(value)).toMatchObject({ state: 'ended' });
    await expect(besides().get(SessionTokens).issueFor(sid)).rejects.toMatchObject({
      code: 'session_ended',
    });
  });
});

describe('a log-out', () => {
  it('ends the session also when the access token has come to its end', async () => {
    const { browser: inBrowser, sid } = await signIn('cookie');
    await letExpire(inBrowser);
    expect((await inBrowser.fetch('POST', '/auth/logout')).status).toBe(202);
    expect([...inBrowser.sessionCookies]).toEqual([]);
    const [row] = await sql(`SELECT end_reason FROM sessions WHERE sid = $1`, [sid]);
    expect(row).toEqual({ end_reason: 'logout' });
  });

  it.each(['cookie', 'session'] as const)(
    'takes the cookies back of a session that is over, delivery %s',
    async (delivery) => {
      const { browser: inBrowser, sid } = await signIn(delivery);
      await sql(`UPDATE sessions SET ended_at = now(), end_reason = 'operator' WHERE sid = $1`, [
        sid,
      ]);
      expect(await inBrowser.fetch('POST', '/auth/logout')).toMatchObject({
        status: 401,
        body: { code: 'session_ended' },
      });
      expect([...inBrowser.sessionCookies]).toEqual([]);
    },
  );

  it('takes nothing back from a page elsewhere', async () => {
    const { browser: inBrowser } = await signIn('cookie');
    const asked = await ask(publicUrl(), 'POST', '/auth/logout', {
      headers: ['cookie', inBrowser.cookieHeader('/'), 'origin', 'https://evil.example'],
    });
    expect([asked.status, asked.setCookies]).toEqual([403, []]);
  });
});

describe.each(['cookie', 'session'] as const)('a changed password, delivery %s', (delivery) => {
  it('leaves the browser signed in by the cookies of the answer, and nobody by those from before', async () => {
    const person = { email: `${delivery}@example.test`, password: ann.password };
    await addPerson(person.email);
    const { browser } = await signIn(delivery, person);
    const copied = browser.cookieHeader('/');
    const copiedWithRefresh = browser.cookieHeader('/auth/refresh');
    const next = { current_password: person.password, new_password: 'another long password' };
    expect(await browser.fetch('POST', '/auth/password', next)).toMatchObject({ status: 200 });
    expect((await browser.fetch('GET', '/auth/me')).status).toBe(200);
    expect((await browser.fetch('POST', '/auth/account/export', {})).status).toBe(200);
    if (delivery === 'cookie')
      expect((await browser.fetch('POST', '/auth/refresh')).status).toBe(200);
    // One that was under way arrives last: it must not take the new cookies back.
    if (delivery === 'cookie') {
      const late = await ask(publicUrl(), 'POST', '/auth/refresh', {
        headers: ['cookie', copiedWithRefresh, 'origin', ISSUER],
      });
      expect(late).toMatchObject({ status: 401, body: { code: 'refresh_token_rejected' } });
      expect(late.setCookies).toEqual([]);
    }
    const by = (method: string, path: string) =>
      ask(publicUrl(), method, path, { headers: ['cookie', copied, 'origin', ISSUER] });
    expect((await by('GET', '/auth/me')).status).toBe(401);
    expect((await by('POST', '/auth/account/export')).status).toBe(401);
    expect((await by('POST', '/auth/account/delete')).status).toBe(401);
  });
});

it('what a stranger calls their device is not put before the owner of the account that they tried', async () => {
  const { status } = await post('/auth/login', {
    ...ann,
    password: 'a wrong password',
    device_name: 'Call +1-900-000',
  });
  expect(status).toBe(401);
  const { browser: inBrowser } = await signIn('session');
  const { body } = await inBrowser.fetch('GET', '/auth/activity');
  expect(JSON.stringify(body)).not.toContain('+1-900');
  expect(body['items']).toContainEqual(
    expect.objectContaining({ action: 'sign_in.fail', by: 'somebody', device_name: null }),
  );
});
