import { jest } from '@jest/globals';
import { ask } from '../../../test/browser.js';
import {
  ISSUER,
  post,
  publicUrl,
  someOfEach,
  startDeliveries,
  stopDeliveries,
} from '../../../test/deliveries.js';
import type { Kinds } from '../../../test/deliveries.js';

jest.setTimeout(180_000);
beforeAll(startDeliveries);
afterAll(stopDeliveries);

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
      const answer = await ask(publicUrl(), method, path, {
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
