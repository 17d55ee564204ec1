import { jest } from '@jest/globals';
import { ask } from '../../../test/browser.js';
import {
  ann,
  ISSUER,
  post,
  publicUrl,
  signIn,
  startDeliveries,
  stopDeliveries,
  TRUSTED,
} from '../../../test/deliveries.js';
import { REFRESH } from './cookies.js';

jest.setTimeout(180_000);
beforeAll(startDeliveries);
afterAll(stopDeliveries);

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
    const others = await ask(publicUrl(), 'DELETE', '/auth/sessions?keep=current', {
      headers: ['cookie', access, ...headers],
    });
    expect(others.status).toBe(202);
    expect((await post('/auth/logout', {}, ['cookie', access, ...headers])).status).toBe(202);
  });

  it('a form is refused before its body is read, however its path is written', async () => {
    for (const path of ['/auth/login', '/%61uth/login', '/auth/%6Cogin']) {
      const sent = await ask(publicUrl(), 'POST', path, {
        headers: ['content-type', 'text/plain', 'origin', 'https://evil.example'],
        body: '{}',
      });
      expect([path, sent]).toMatchObject([path, refused]);
    }
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
        expect(
          await ask(publicUrl(), 'DELETE', path, { headers: [...cookie, ...headers] }),
        ).toMatchObject(refused);
      }
      const refreshCookie = inBrowser.cookies.get(REFRESH.name);
      if (refreshCookie) {
        const inCookie = ['cookie', inBrowser.cookieHeader('/auth/refresh')];
        expect(await post('/auth/refresh', {}, [...inCookie, ...headers])).toMatchObject(refused);
      }
      // Reading is not changing; and nothing has ended.
      expect(
        (await ask(publicUrl(), 'GET', '/auth/me', { headers: [...cookie, ...headers] })).status,
      ).toBe(200);
    }
  });

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'])(
    'a form of a page elsewhere is refused for that, not for its type (%s)',
    async (type) => {
      const form = (path: string, headers: readonly string[]) =>
        ask(publicUrl(), 'POST', path, {
          headers: ['content-type', type, ...headers],
          body: 'a=b',
        });
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
      ask(publicUrl(), 'OPTIONS', path, {
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
