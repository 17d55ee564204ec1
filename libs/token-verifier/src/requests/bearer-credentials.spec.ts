import { describe, expect, test } from '@jest/globals';
import { readBearerCredentials } from './bearer-credentials.js';

describe('credentials are read from the raw Authorization header', () => {
  const one = (value: string) =>
    readBearerCredentials(['Host', 'a.example', 'Authorization', value]);

  test.each(['Bearer a.b.c', 'bearer a.b.c', 'BEARER a.b.c'])('%j carries a token', (value) => {
    expect(one(value)).toEqual({ token: 'a.b.c' });
  });

  test.each(['', 'Basic YTpi', 'Bearertoken', 'Bearer\ttoken', 'DPoP a.b.c'])(
    '%j is no attempt at Bearer',
    (value) => expect(one(value)).toEqual({ missing: 'credentials_required' }),
  );

  test.each([
    'Bearer',
    'Bearer ',
    'Bearer  a.b.c',
    'Bearer a b',
    'Bearer a, Bearer b',
    'Bearer "a"',
  ])('%j is malformed', (value) =>
    expect(one(value)).toEqual({ missing: 'malformed_credentials' }),
  );

  test('no header at all', () => {
    expect(readBearerCredentials(['Host', 'a.example'])).toEqual({
      missing: 'credentials_required',
    });
  });

  test('a value that reads like the name is not the name', () => {
    expect(readBearerCredentials(['X-Note', 'authorization', 'Host', 'Bearer x'])).toEqual({
      missing: 'credentials_required',
    });
  });

  test('two headers are refused, also when they say the same or one is empty', () => {
    for (const second of ['Bearer a.b.c', '', 'Basic YTpi']) {
      const raw = ['authorization', 'Bearer a.b.c', 'AUTHORIZATION', second];
      expect(readBearerCredentials(raw)).toEqual({ missing: 'multiple_credentials' });
    }
  });
});
