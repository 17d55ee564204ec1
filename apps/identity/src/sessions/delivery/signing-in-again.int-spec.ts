import { generateKeyPairSync } from 'node:crypto';
import { jest } from '@jest/globals';
import { SignJWT } from 'jose';
import {
  ann,
  besides,
  letExpire,
  post,
  sidOf,
  signIn,
  sql,
  startDeliveries,
  stopDeliveries,
} from '../../../test/deliveries.js';
import { PastTokens } from '../../access-tokens/past-tokens.js';
import { ACCESS, OPAQUE, REFRESH } from './cookies.js';

jest.setTimeout(180_000);
beforeAll(startDeliveries);
afterAll(stopDeliveries);

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

  it('also when its access token has come to its end, as it mostly has by then', async () => {
    const { browser: inBrowser, sid: left } = await signIn('cookie');
    await letExpire(inBrowser);
    expect((await inBrowser.fetch('GET', '/auth/me')).body).toMatchObject({ code: 'expired' });
    const again = await inBrowser.fetch('POST', '/auth/login', { ...ann, delivery: 'cookie' });
    expect(again.status).toBe(200);
    const [row] = await sql(`SELECT end_reason FROM sessions WHERE sid = $1`, [left]);
    expect(row).toEqual({ end_reason: 'signed_in_again' });
  });

  it('a token that was not signed here, or by a key that was revoked, ends nobody’s session', async () => {
    const { browser: inBrowser, sid } = await signIn('cookie');
    const own = inBrowser.cookies.get(ACCESS.name)!;
    const pieces = own.value.split('.');
    const forged = [
      pieces[0],
      Buffer.from(JSON.stringify({ sid })).toString('base64url'),
      pieces[2],
    ];
    inBrowser.cookies.set(ACCESS.name, { ...own, value: forged.join('.') });
    await inBrowser.fetch('POST', '/auth/login', { ...ann, delivery: 'cookie' });
    expect(await sql(`SELECT end_reason FROM sessions WHERE sid = $1`, [sid])).toEqual([
      { end_reason: null },
    ]);
    expect(await besides().get(PastTokens).sessionOf(own.value)).toBe(sid);
    for (const other of ['', 'x', 'a.b.c', 'e30.e30.', forged.join('.')])
      expect(await besides().get(PastTokens).sessionOf(other)).toBeUndefined();
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    for (const [state, found] of [
      ['purged', sid],
      ['revoked', undefined],
    ]) {
      const kid = `a ${String(state)} one`;
      await sql(
        `INSERT INTO signing_keys (kid, state, public_jwk, prepared_at, prepared_ms, retired_ms, ended_at, tokens_until)
         VALUES ($1, $2, $3, now(), 0, 0, now(), now())`,
        [kid, state, publicKey.export({ format: 'jwk' })],
      );
      const token = await new SignJWT({ sid })
        .setProtectedHeader({ alg: 'RS256', kid })
        .sign(privateKey);
      expect([kid, await besides().get(PastTokens).sessionOf(token)]).toEqual([kid, found]);
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
