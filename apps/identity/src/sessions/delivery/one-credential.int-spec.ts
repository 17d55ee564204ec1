import { jest } from '@jest/globals';
import fc from 'fast-check';
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
import { ACCESS, OPAQUE, REFRESH } from './cookies.js';

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
        const { status } = await ask(publicUrl(), method, path + search, {
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
