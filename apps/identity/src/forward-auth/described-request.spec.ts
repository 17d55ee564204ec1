import { extAuthzRequest, forwardedRequest, originalRequest } from './described-request.js';
import type { GatewayQuestion } from './described-request.js';

const forwarded = {
  'X-Forwarded-Method': 'POST',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'api.example:8443',
  'X-Forwarded-Uri': '/orders/1?a=%2F',
};
const original = {
  'X-Original-Method': 'POST',
  'X-Original-URL': 'https://api.example/orders/1?a=%2F',
};
const AUDIENCE = '?audience=orders';
const asked = (
  headers: Readonly<Record<string, string>>,
  { target = AUDIENCE, more = [] }: { target?: string; more?: readonly string[] } = {},
): GatewayQuestion => ({
  method: 'GET',
  target,
  rawHeaders: ['Host', 'identity:3005', ...Object.entries(headers).flat(), ...more],
});
const FAMILIES = [
  ['X-Forwarded-*', forwardedRequest, forwarded, 'X-Forwarded-Uri', ''],
  ['X-Original-*', originalRequest, original, 'X-Original-URL', 'https://api.example'],
] as const;

describe.each(FAMILIES)('%s', (_, read, headers, uriName, before) => {
  it('say what is asked for; the service is the one that the gateway declares', () => {
    expect(read(asked(headers))).toEqual({ method: 'POST', audience: 'orders' });
  });

  it.each(Object.keys(headers))('without %s nothing is said', (name) => {
    const rest = Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
    expect(read(asked(rest))).toEqual({ fault: 'metadata_rejected' });
  });

  it.each(Object.keys(headers))('%s twice, or with underscores beside it, is refused', (name) => {
    for (const other of [name, name.toLowerCase(), name.replaceAll('-', '_')]) {
      const more = [other, String((headers as Record<string, string>)[name])];
      expect(read(asked(headers, { more }))).toEqual({ fault: 'metadata_rejected' });
    }
  });

  it.each(['', '?audience=', '?audience=orders&audience=payments', '?audience=a%20b'])(
    'without one declared service (%s) nothing is said',
    (target) => {
      expect(read(asked(headers, { target }))).toEqual({ fault: 'metadata_rejected' });
    },
  );

  it.each([
    '/a/../orders',
    '/%2e%2e/orders',
    '//orders',
    '/orders%2f1',
    '/orders/%5c',
    '/o%00',
    '/%zz',
  ])('%s can be read in two ways', (uri) => {
    const given = { ...headers, [uriName]: before + uri };
    expect(read(asked(given))).toEqual({ fault: 'ambiguous_target' });
  });
});

it.each([
  [{ 'X-Forwarded-Method': 'GET, POST' }],
  [{ 'X-Forwarded-Proto': 'https,http' }],
  [{ 'X-Forwarded-Proto': 'ftp' }],
  [{ 'X-Forwarded-Host': 'api.example, evil.example' }],
  [{ 'X-Forwarded-Uri': '' }],
])('a value that is none is refused: %j', (fault) => {
  expect(forwardedRequest(asked({ ...forwarded, ...fault }))).toEqual({
    fault: 'metadata_rejected',
  });
});

it.each(['/orders', 'https:///orders', 'ftp://api.example/orders', 'https://a@b/orders'])(
  '%s is no original URL',
  (url) => {
    const given = { ...original, 'X-Original-URL': url };
    expect(originalRequest(asked(given))).toEqual({ fault: 'metadata_rejected' });
  },
);

it('one family of headers says nothing at the place of the other', () => {
  expect(forwardedRequest(asked(original))).toEqual({ fault: 'metadata_rejected' });
  expect(originalRequest(asked(forwarded))).toEqual({ fault: 'metadata_rejected' });
  expect(forwardedRequest(asked({ ...forwarded, ...original }))).toMatchObject({ method: 'POST' });
});

describe('Envoy asks with the request itself', () => {
  const read = (target: string, more: string[] = []) =>
    extAuthzRequest({
      method: 'PURGE',
      target: `/ext-authz${target}`,
      rawHeaders: ['Host', 'api.example', ...more],
    });

  it.each(['/orders', '/orders/1', '/orders?audience=payments', '/orders/?/payments'])(
    'the service is the first segment of %s, whatever the query says',
    (target) => {
      expect(read(target)).toEqual({ method: 'PURGE', audience: 'orders' });
    },
  );

  it.each([
    ['/', 'metadata_rejected'],
    ['', 'metadata_rejected'],
    ['/a/../orders', 'ambiguous_target'],
    ['//orders', 'ambiguous_target'],
    ['orders', 'ambiguous_target'],
  ])('%s is refused', (target, fault) => {
    expect(read(target)).toEqual({ fault });
  });

  it('two hosts are refused', () => {
    expect(read('/orders', ['host', 'evil.example'])).toEqual({ fault: 'metadata_rejected' });
  });
});
