import { jest } from '@jest/globals';
import {
  ann,
  post,
  sidOf,
  signIn,
  sql,
  startDeliveries,
  stopDeliveries,
} from '../../../test/deliveries.js';
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
