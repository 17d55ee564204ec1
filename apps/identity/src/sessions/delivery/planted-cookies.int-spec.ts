import { jest } from '@jest/globals';
import { SignJWT } from 'jose';
import {
  ann,
  ISSUER,
  post,
  signIn,
  startDeliveries,
  stopDeliveries,
} from '../../../test/deliveries.js';
import { ACCESS, OPAQUE, REFRESH } from './cookies.js';

jest.setTimeout(180_000);
beforeAll(startDeliveries);
afterAll(stopDeliveries);

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
