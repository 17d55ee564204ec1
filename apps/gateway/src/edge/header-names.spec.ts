import { describe, expect, test } from '@jest/globals';
import { isDroppedAtTheEdge } from './header-names.js';

describe('headers at the edge', () => {
  test.each([
    'forwarded',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'x-forwarded-port',
    'x-forwarded-prefix',
    'x-forwarded-user',
    'x-forwarded-email',
    'x-forwarded',
    'x-real-ip',
    'x-client-ip',
    'x-client-cert',
    'x-original-url',
    'x-rewrite-url',
    'x-envoy-external-address',
    'true-client-ip',
    'remote-user',
    'x-remote-user',
    'x-auth-request-user',
    'x-auth-token',
    'x-authenticated-userid',
    'x-user',
    'x-user-id',
    'x-userinfo',
    'x-session-id',
    'x-roles',
    'x-scope',
    'x-jwt-payload',
    'ssl-client-cert',
    'x-countersign-subject',
    'x_user',
    'remote_user',
    'x-forwarded_for',
    'x_forwarded_for',
    'connection',
    'upgrade',
    'te',
    'transfer-encoding',
  ])('%s ends here', (name) => {
    expect(isDroppedAtTheEdge(name)).toBe(true);
  });

  test.each([
    'accept',
    'accept-language',
    'authorization',
    'content-type',
    'cookie',
    'if-none-match',
    'idempotency-key',
    'origin',
    'prefer',
    'referer',
    'sec-fetch-site',
    'traceparent',
    'user-agent',
    'x-requested-with',
  ])('%s goes on', (name) => {
    expect(isDroppedAtTheEdge(name)).toBe(false);
  });
});
