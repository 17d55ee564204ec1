import type { Sent } from './send.js';
import type { Credentials } from './world.js';

/** One request, and what every gateway must make of it. */
export interface Case {
  readonly name: string;
  readonly sent: Sent | ((given: Credentials & { readonly issuer: string }) => Sent);
  /** Status, and code where there is one. A gateway that reads a request by itself may find another fault first. */
  readonly expected: string | RegExp;
  /** Whether the relying service gets it. Default: as a 200 says. */
  readonly reaches?: boolean;
}

const bearer = (token: string) => `Authorization: Bearer ${token}`;
const cookie = (pair: string) => `Cookie: ${pair}`;
const get = (headers: readonly string[], more: Partial<Sent> = {}): Sent => ({
  target: '/orders',
  headers,
  ...more,
});
const post = (headers: readonly string[]): Sent => ({
  ...get(['Content-Type: application/json', ...headers]),
  method: 'POST',
  body: '{"item":"book"}',
});
const webSocket = (headers: readonly string[]): Sent =>
  get(
    [
      ...headers,
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ],
    { connection: 'Upgrade' },
  );
const TWO_CREDENTIALS = /^400 (multiple_credentials|bad_request)$/;
const MIB_10 = Buffer.alloc(10 * 1024 * 1024, 'a');

const CREDENTIALS: readonly Case[] = [
  { name: 'no credential', sent: get([]), expected: '401 credentials_required' },
  {
    name: 'another scheme',
    sent: get(['Authorization: Basic YTpi']),
    expected: '401 credentials_required',
  },
  {
    name: 'two spaces before the token',
    sent: get(['Authorization: Bearer  a']),
    expected: '400 malformed_credentials',
  },
  { name: 'nonsense', sent: get([bearer('nonsense')]), expected: '401 malformed' },
  {
    name: 'a bad signature',
    sent: (is) => get([bearer(is.badSignature)]),
    expected: '401 bad_signature',
  },
  { name: 'expired', sent: (is) => get([bearer(is.expired)]), expected: '401 expired' },
  { name: 'revoked', sent: (is) => get([bearer(is.revoked)]), expected: '401 revoked' },
  {
    name: 'for another service',
    sent: (is) => get([bearer(is.forPayments)]),
    expected: '401 wrong_audience',
  },
  {
    name: 'wrong scope: the service says so',
    sent: (is) => ({ ...get([bearer(is.withoutScope)]), target: '/orders/of-others' }),
    expected: '403 insufficient_scope',
    reaches: true,
  },
  {
    name: 'a token in the query',
    sent: (is) => get([], { target: `/orders?access_token=${is.bearer}` }),
    expected: '401 credentials_required',
  },
  { name: 'Bearer', sent: (is) => get([bearer(is.bearer)]), expected: '200' },
  { name: 'Bearer, writing', sent: (is) => post([bearer(is.bearer)]), expected: '200' },
  { name: 'the cookie with the token', sent: (is) => get([cookie(is.access)]), expected: '200' },
  { name: 'the opaque cookie', sent: (is) => get([cookie(`a=b; ${is.session}`)]), expected: '200' },
  {
    name: 'a cookie of nobody',
    sent: (is) => get([cookie(`${is.session.slice(0, -4)}AAAA`)]),
    expected: '401 session_ended',
  },
  {
    name: 'the cookie of a session that is over',
    sent: (is) => get([cookie(is.endedSession)]),
    expected: '401 session_ended',
  },
];

const TWO_OF_A_KIND: readonly Case[] = [
  {
    name: 'two Authorization headers',
    sent: (is) => get([bearer(is.bearer), 'authorization: Basic YTpi']),
    expected: TWO_CREDENTIALS,
  },
  {
    name: 'Bearer beside the opaque cookie',
    sent: (is) => get([bearer(is.bearer), cookie(is.session)]),
    expected: TWO_CREDENTIALS,
  },
  {
    name: 'Bearer beside the cookie with the token',
    sent: (is) => get([bearer(is.bearer), cookie(is.access)]),
    expected: TWO_CREDENTIALS,
  },
  {
    name: 'two cookies of one name',
    sent: (is) => get([cookie(`${is.session}; ${is.session}`)]),
    expected: TWO_CREDENTIALS,
  },
  {
    name: 'two Cookie headers',
    sent: (is) => get([cookie(is.session), cookie(is.access)]),
    expected: TWO_CREDENTIALS,
  },
];

const OTHER_SITES: readonly Case[] = [
  {
    name: 'a cookie that writes, from nowhere',
    sent: (is) => post([cookie(is.session)]),
    expected: '403 origin_required',
  },
  {
    name: 'the other cookie that deletes',
    sent: (is) => ({ ...get([cookie(is.access)]), method: 'DELETE' }),
    expected: '403 origin_required',
  },
  {
    name: 'from another origin',
    sent: (is) => post([cookie(is.session), 'Origin: https://evil.example']),
    expected: '403 origin_required',
  },
  {
    name: 'from two origins',
    sent: (is) =>
      post([cookie(is.session), `Origin: ${is.issuer}`, 'Origin: https://evil.example']),
    expected: /^40[03] (origin_required|bad_request)$/,
  },
  {
    name: 'from the same site',
    sent: (is) => post([cookie(is.session), 'Sec-Fetch-Site: same-site']),
    expected: '403 origin_required',
  },
  {
    name: 'that says it only reads',
    sent: (is) =>
      post([
        cookie(is.session),
        'X-Forwarded-Method: GET',
        'X-Original-Method: GET',
        'X-HTTP-Method-Override: GET',
      ]),
    expected: '403 origin_required',
  },
  {
    name: 'from our origin',
    sent: (is) => post([cookie(is.session), `Origin: ${is.issuer}`]),
    expected: '200',
  },
  {
    name: 'from this very page',
    sent: (is) => post([cookie(is.session), 'Sec-Fetch-Site: same-origin']),
    expected: '200',
  },
  {
    name: 'a web socket from elsewhere',
    sent: (is) => webSocket([cookie(is.session), 'Origin: https://evil.example']),
    expected: /^(403 origin_required|400 upgrade_refused)$/,
  },
  {
    name: 'a web socket of ours',
    sent: (is) => webSocket([cookie(is.session), `Origin: ${is.issuer}`]),
    expected: /^(101|400 upgrade_refused)$/,
  },
];

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
];
const HEADERS: readonly Case[] = [
  {
    name: 'claims of identity',
    sent: (is) => get([bearer(is.bearer), ...CLAIMS.map((name) => `${name}: admin`)]),
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
  {
    name: 'Authorization as a header of this hop',
    sent: (is) => get([bearer(is.bearer)], { connection: 'close, authorization' }),
    expected: '200',
  },
];

const PATHS: readonly Case[] = [
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
  ].map((target): Case => ({
    name: target,
    sent: (is) => get([bearer(is.bearer)], { target }),
    expected: /^400 (ambiguous_target|bad_request)$/,
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
    name: 'the service fails',
    sent: (is) => get([cookie(is.session)], { target: '/orders/broken' }),
    expected: '500',
    reaches: true,
  },
];

const BODIES: readonly Case[] = [
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
    name: '10 MB in chunks',
    sent: (is) => ({ ...post([bearer(is.bearer)]), body: MIB_10, chunked: true }),
    expected: '413 body_too_large',
  },
];

export const CASES: readonly Case[] = [
  ...CREDENTIALS,
  ...TWO_OF_A_KIND,
  ...OTHER_SITES,
  ...HEADERS,
  ...PATHS,
  ...BODIES,
];
