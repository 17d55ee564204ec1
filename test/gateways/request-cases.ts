import { bearer, cookie, get, post } from './case.js';
import type { Case } from './case.js';

const MIB_10 = Buffer.alloc(10 * 1024 * 1024, 'a');

const CLAIMS = [
  'X-User-Id',
  'X-Auth-Request-User',
  'X-Forwarded-User',
  'Remote-User',
  'X-Forwarded-Email',
  'X-Roles',
  'X-Scope',
  'X-JWT-Claims',
  'X-Client-Cert',
  'Ssl-Client-Verify',
  'Ssl-Client-Subject-Dn',
  'Tls-Client-Subject',
  'Countersign-Subject',
  'Client-Cert',
  'Client-Cert-Chain',
  'X-WebAuth-User',
  'X-Consumer-Username',
  'X-Credential-Identifier',
  'X-Access-Token',
  'X-ID-Token',
  'X-Userinfo',
  'X-Goog-Authenticated-User-Email',
  'X-Goog-Iap-Jwt-Assertion',
  'X-Amzn-Oidc-Data',
  'Cf-Access-Jwt-Assertion',
  'X-MS-Client-Principal',
  'X-MS-Client-Principal-Name',
  'Proxy-Authorization',
  'X.User',
  'X-Forwarded.User',
  'Impersonate-User',
  'Gap-Auth',
  'X-Pomerium-Jwt-Assertion',
  'X-Vouch-User',
  'X-Apigateway-Api-Userinfo',
  'X-Endpoint-Api-Userinfo',
  'X-Arr-Clientcert',
  'Client-Ip',
  'X-Principal',
  'X-Identity',
  'X-Tenant-Id',
  'X-Claims',
  'A-Name-Of-Tomorrow',
];

/** Of the client's headers these go on, as they came. */
const KNOWN = [
  'accept: text/plain',
  'accept-language: de',
  'idempotency-key: {http.request.uuid}',
  'if-match: "a"',
  'if-modified-since: Sun, 22 Nov 2026 04:00:00 GMT',
  'if-none-match: "b", W/"c"',
  'prefer: wait=5',
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'tracestate: vendor=1',
  'user-agent: %[env(PATH)] $host',
];
export const HEADERS: readonly Case[] = [
  {
    name: 'claims of identity',
    sent: (is) => get([bearer(is.bearer), ...CLAIMS.map((name) => `${name}: admin`)]),
    expected: '200',
  },
  {
    name: 'what a service may know',
    sent: (is) => ({
      ...post([bearer(is.bearer), ...KNOWN, 'X-Request-Id: an-id-of-the-client']),
    }),
    expected: '200',
    arrives: [
      ...KNOWN.filter((line) => !line.startsWith('trace')),
      'content-type: application/json',
      'x-request-id: an-id-of-the-client',
    ],
  },
  {
    name: 'no id that is none',
    sent: (is) => get([bearer(is.bearer), 'X-Request-Id: a b']),
    expected: '200',
  },
  {
    name: 'with underscores',
    sent: (is) =>
      get([bearer(is.bearer), ...CLAIMS.map((name) => `${name.replaceAll('-', '_')}: admin`)]),
    expected: '200',
  },
  {
    name: 'in mixed case, twice, and as lists',
    sent: (is) =>
      get([
        cookie(is.session),
        ...CLAIMS.flatMap((name) => [
          `${name.toLowerCase()}: admin, root`,
          `${name.toUpperCase()}: admin`,
        ]),
      ]),
    expected: '200',
  },
  {
    name: 'where it comes from',
    sent: (is) =>
      get([
        cookie(is.session),
        'X-Forwarded-For: 10.0.0.1',
        'X-Real-IP: 10.0.0.1',
        'X-Forwarded-Host: evil.example',
        'X-Forwarded-Proto: ftp',
        'X-Forwarded-Uri: /payments',
        'X-Original-URL: http://evil.example/',
        'Forwarded: for=10.0.0.1',
      ]),
    expected: '200',
  },
  {
    name: 'an offer of h2c',
    sent: (is) =>
      get([bearer(is.bearer), 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'], {
        connection: 'Upgrade, HTTP2-Settings, close',
      }),
    expected: '200',
  },
  // A gateway may turn it away, or take up the one that it knows; never may the other one go on.
  ...(
    [
      ['h2c', 'websocket'],
      ['websocket', 'h2c'],
    ] as const
  ).flatMap(([first, second]) =>
    ['/orders', '/auth/me'].map((target): Case => ({
      name: `${target}, an offer of ${first}, and one of ${second}`,
      sent: (is) =>
        get(
          [
            bearer(is.bearer),
            `Upgrade: ${first}`,
            `Upgrade: ${second}`,
            'HTTP2-Settings: AAMAAABkAAQAAP__',
            'Sec-WebSocket-Version: 13',
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
          ],
          { target, connection: 'Upgrade, HTTP2-Settings' },
        ),
      expected: /^(101|200|400 (bad_request|upgrade_refused))$/,
      ...(target === '/auth/me' && { reaches: false }),
    })),
  ),
  {
    name: 'Authorization as a header of this hop',
    sent: (is) => get([bearer(is.bearer)], { connection: 'close, authorization' }),
    expected: '200',
  },
];

/** More than identity reads: 16 KiB. Node's own server says so before there is a request. */
const TOO_LARGE = /^(400 bad_request|431 headers_too_large)$/;
export const LARGE_HEADERS: readonly Case[] = [
  {
    name: 'a header of 20 KB',
    sent: (is) => get([bearer(is.bearer), `X-Large: ${'a'.repeat(20_000)}`]),
    expected: TOO_LARGE,
  },
  {
    name: 'three headers of 7 KB',
    sent: (is) =>
      get([bearer(is.bearer), ...['A', 'B', 'C'].map((name) => `X-${name}: ${'a'.repeat(7_000)}`)]),
    expected: TOO_LARGE,
  },
];

export const METHODS: readonly Case[] = [
  {
    name: 'HEAD',
    sent: (is) => ({ ...get([bearer(is.bearer)]), method: 'HEAD' }),
    expected: '200',
  },
  {
    name: 'HEAD with a cookie',
    sent: (is) => ({ ...get([cookie(is.session)]), method: 'HEAD' }),
    expected: '200',
  },
  { name: 'HEAD of nobody', sent: { ...get([]), method: 'HEAD' }, expected: '401' },
  {
    name: 'OPTIONS',
    sent: (is) => ({ ...get([bearer(is.bearer)]), method: 'OPTIONS' }),
    expected: '200',
  },
  ...['TRACE', 'TRACK', 'DEBUG'].map((method): Case => ({
    name: method,
    sent: (is) => ({ ...get([cookie(is.session)]), method }),
    // Node knows no TRACK.
    expected: /^(404 not_found|400 bad_request)$/,
  })),
  // Nobody is let in without credentials, whatever the method: not for a preflight from elsewhere either.
  {
    name: 'a preflight from elsewhere',
    sent: {
      ...get(['Origin: https://evil.example', 'Access-Control-Request-Method: POST']),
      method: 'OPTIONS',
    },
    expected: '401 credentials_required',
  },
];

const AMBIGUOUS = /^400 (ambiguous_target|bad_request)$/;
export const PATHS: readonly Case[] = [
  ...[
    '/forward-auth',
    '/auth-request?audience=orders',
    '/ext-authz/orders',
    '/_forward_auth',
    '/revocations',
    '/relying-services/check-in',
    '/oauth/introspect',
    '/operator/keys',
    '/metrics',
    '/health/ready',
    '/ordersx',
    '/auth',
  ].map((target): Case => ({
    name: target,
    sent: (is) => get([bearer(is.bearer)], { target }),
    expected: '404 not_found',
  })),
  ...[
    '/public/../orders',
    '/orders/%2e%2e/auth/me',
    '/auth/%2E%2e/orders',
    '//orders',
    '/orders//1',
    '/orders%2f1',
    '/orders/%5c..',
    '/orders/%00',
    '/orders/..;/actuator',
    '/orders/..;a=b/actuator',
    '/orders/..%3b/actuator',
    '/orders/.%3B',
    '/orders/.;',
    '/auth/..;/orders',
  ].map((target): Case => ({
    name: target,
    sent: (is) => get([bearer(is.bearer)], { target }),
    expected: AMBIGUOUS,
  })),
  {
    name: 'identity, by Bearer',
    sent: (is) => get([bearer(is.bearer)], { target: '/auth/me' }),
    expected: '200',
    reaches: false,
  },
  {
    name: 'identity, by the opaque cookie',
    sent: (is) => get([cookie(is.session)], { target: '/auth/me' }),
    expected: '200',
    reaches: false,
  },
  {
    name: 'the key set',
    sent: get([], { target: '/.well-known/jwks.json' }),
    expected: '200',
    reaches: false,
  },
  {
    name: 'the service is down',
    sent: (is) => get([cookie(is.session)], { target: '/payments' }),
    expected: '503 upstream_unavailable',
  },
  {
    name: 'the service points to an inner path',
    sent: (is) => get([cookie(is.session)], { target: '/orders/points-inside' }),
    expected: '200',
    reaches: true,
  },
  // A cache in front sees a cookie and no Authorization, and so does not know that an answer is one person's.
  ...(
    [
      ['', 'no-store'],
      ['max-age=60', 'max-age=60, private'],
      ['no-cache', 'no-cache, private'],
      ['private, max-age=60', 'max-age=60, private'],
      ['public, max-age=60', 'max-age=60, public'],
      ['Max-Age=0, S-MaxAge=60', 'Max-Age=0, S-MaxAge=60'],
    ] as const
  ).map(([said, kept]): Case => ({
    name: `the service says of caches: ${said || 'nothing'}`,
    sent: (is) => get([cookie(is.session)], { target: `/orders/kept/${encodeURIComponent(said)}` }),
    expected: '200',
    kept,
  })),
  {
    name: 'the service fails',
    sent: (is) => get([cookie(is.session)], { target: '/orders/broken' }),
    expected: '500',
    reaches: true,
  },
];

export const BODIES: readonly Case[] = [
  ...['', 'abc'].map((body): Case => ({
    name: `headers after a body of ${String(body.length)} bytes`,
    sent: (is) => ({
      ...post([bearer(is.bearer), 'Trailer: X-User-Id', 'TE: trailers']),
      ...{ body, chunked: true },
      trailers: ['X-User-Id: admin', 'Authorization: Bearer evil', `Cookie: ${is.session}`],
    }),
    expected: '200',
  })),
  {
    name: '60 KB',
    sent: (is) => ({ ...post([bearer(is.bearer)]), body: 'a'.repeat(60_000) }),
    expected: '200',
  },
  {
    name: '10 MB',
    sent: (is) => ({ ...post([bearer(is.bearer)]), body: MIB_10 }),
    expected: '413 body_too_large',
  },
  {
    // Without it nobody would have been told that the password is wrong, but that there is no such session.
    name: 'of a DELETE',
    sent: (is) => ({
      ...get([bearer(is.bearer), 'Content-Type: application/json'], {
        target: '/auth/sessions/00000000-0000-4000-8000-000000000000',
      }),
      method: 'DELETE',
      body: '{"current_password":"a wrong one"}',
    }),
    expected: '403 current_password_rejected',
    reaches: false,
  },
  {
    name: '10 MB in chunks',
    sent: (is) => ({ ...post([bearer(is.bearer)]), body: MIB_10, chunked: true }),
    expected: '413 body_too_large',
  },
];
