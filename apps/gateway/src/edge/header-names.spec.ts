import { describe, expect, test } from '@jest/globals';
import { isForIdentity, isForServices, isOfTheOrigin } from './header-names.js';

describe('headers at the edge', () => {
  test.each([
    'forwarded',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'x-forwarded-user',
    'x-forwarded',
    'x-real-ip',
    'x-original-url',
    'x_user',
    'remote_user',
    'x-forwarded_for',
    'x_forwarded_for',
    'connection',
    'proxy-authorization',
    'upgrade',
    'te',
    'transfer-encoding',
  ])('%s ends here', (name) => {
    expect([isForIdentity(name), isForServices(name)]).toEqual([false, false]);
  });

  test.each([
    'authorization',
    'cookie',
    'device-token',
    'origin',
    'referer',
    'sec-fetch-site',
    'x-requested-with',
    'x-user-id',
    'x.user',
    'impersonate-user',
    'client-ip',
    'a-name-of-tomorrow',
  ])('%s goes to identity alone', (name) => {
    expect([isForIdentity(name), isForServices(name)]).toEqual([true, false]);
  });

  test.each([
    'accept',
    'content-type',
    'if-none-match',
    'idempotency-key',
    'prefer',
    'traceparent',
  ])('%s goes on', (name) => {
    expect([isForIdentity(name), isForServices(name)]).toEqual([true, true]);
  });

  test('a service says nothing in the name of the origin', () => {
    const names = ['set-cookie', 'authorization', 'clear-site-data', 'access-control-max-age'];
    expect(names.filter(isOfTheOrigin)).toEqual(names);
    expect(['etag', 'location', 'www-authenticate'].filter(isOfTheOrigin)).toEqual([]);
  });
});
