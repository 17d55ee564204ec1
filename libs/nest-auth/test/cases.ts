import type { TestIssuer } from '@countersign/test-kit';
import { ACCESS_COOKIE } from '@countersign/token-verifier';

/** The public origin of the application under test. */
export const PUBLIC_ORIGIN = 'https://shop.example';

/** A request, and the answer that every guard gives on every platform. */
export interface Case {
  readonly name: string;
  readonly path?: string;
  readonly method?: string;
  /** What to send as `Authorization`; a function makes a token first. */
  readonly authorization?: (issuer: TestIssuer) => Promise<string> | string;
  /** What to send as the access cookie. */
  readonly cookie?: (issuer: TestIssuer) => Promise<string> | string;
  /** More headers: names and values in turn. */
  readonly headers?: readonly string[];
  readonly status: number;
  readonly code?: string;
  readonly challenge?: string;
}

const INVALID_TOKEN = 'Bearer error="invalid_token"';
const INVALID_REQUEST = 'Bearer error="invalid_request"';
const bearer = async (token: Promise<string>) => `Bearer ${await token}`;

export const CASES: readonly Case[] = [
  {
    name: 'no credentials',
    status: 401,
    code: 'credentials_required',
    challenge: 'Bearer realm="countersign"',
  },
  {
    name: 'another scheme',
    authorization: () => 'Basic YTpi',
    status: 401,
    code: 'credentials_required',
    challenge: 'Bearer realm="countersign"',
  },
  { name: 'a good token', authorization: (i) => bearer(i.issue()), status: 200 },
  {
    name: 'the scheme in other letters',
    authorization: async (i) => `bEARER ${await i.issue()}`,
    status: 200,
  },
  ...['Bearer', 'Bearer  two.spaces.here', 'Bearer a b'].map((value) => ({
    name: `"${value}"`,
    authorization: () => value,
    status: 400,
    code: 'malformed_credentials',
    challenge: INVALID_REQUEST,
  })),
  {
    name: 'not a JWT',
    authorization: () => 'Bearer nonsense',
    status: 401,
    code: 'malformed',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a tampered token',
    authorization: async (i) => {
      const [header, , signature] = (await i.issue()).split('.');
      const [, payload] = (await i.issue({ sub: 'somebody-else' })).split('.');
      return `Bearer ${[header, payload, signature].join('.')}`;
    },
    status: 401,
    code: 'bad_signature',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'an expired token',
    authorization: (i) => bearer(i.issue({ iat: 1_700_000_000, exp: 1_700_000_300 })),
    status: 401,
    code: 'expired',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token for others',
    authorization: (i) => bearer(i.issue({ aud: ['payments'] })),
    status: 401,
    code: 'wrong_audience',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token of another issuer',
    authorization: (i) => bearer(i.issue({ iss: 'https://evil.example' })),
    status: 401,
    code: 'wrong_issuer',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token of another type',
    authorization: (i) => bearer(i.issue({}, { typ: 'JWT' })),
    status: 401,
    code: 'unexpected_type',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token signed by an unknown key',
    authorization: (i) => bearer(i.issue({}, { kid: 'unknown' })),
    status: 401,
    code: 'unknown_key',
    challenge: INVALID_TOKEN,
  },
  { name: 'a public route without credentials', path: '/open', status: 200 },
  {
    name: 'a public route with a bad token',
    path: '/open',
    authorization: () => 'Bearer nonsense',
    status: 200,
  },
  {
    name: 'a public route that asks for the token: our mistake, not an answer',
    path: '/open-but-asks',
    status: 500,
  },
  {
    name: 'the scope of the controller',
    path: '/scoped',
    authorization: (i) => bearer(i.issue({ scope: 'orders:read' })),
    status: 200,
  },
  {
    name: 'without the scope of the controller',
    path: '/scoped',
    authorization: (i) => bearer(i.issue({ scope: 'orders:write' })),
    status: 403,
    code: 'insufficient_scope',
    challenge: 'Bearer error="insufficient_scope", scope="orders:read"',
  },
  {
    name: 'without any scope',
    path: '/scoped',
    authorization: (i) => bearer(i.issue({ scope: undefined })),
    status: 403,
    code: 'insufficient_scope',
    challenge: 'Bearer error="insufficient_scope", scope="orders:read"',
  },
  {
    name: 'all scopes of route and controller',
    path: '/scoped',
    method: 'POST',
    authorization: (i) => bearer(i.issue()),
    status: 201,
  },
  {
    name: 'only some of the scopes of the route',
    path: '/scoped',
    method: 'POST',
    authorization: (i) => bearer(i.issue({ scope: 'orders:read orders:write' })),
    status: 403,
    code: 'insufficient_scope',
    challenge: 'Bearer error="insufficient_scope", scope="orders:read orders:write payments:write"',
  },
  {
    name: 'two Authorization headers, both good',
    authorization: (i) => bearer(i.issue()),
    headers: ['authorization', 'Bearer x'],
    status: 400,
    code: 'multiple_credentials',
    challenge: INVALID_REQUEST,
  },
  {
    name: 'two Authorization headers, the second of another scheme',
    authorization: (i) => bearer(i.issue()),
    headers: ['authorization', 'Basic YTpi'],
    status: 400,
    code: 'multiple_credentials',
    challenge: INVALID_REQUEST,
  },
  { name: 'a good token in the cookie', cookie: (i) => i.issue(), status: 200 },
  {
    name: 'another scheme, and a good token in the cookie',
    authorization: () => 'Basic YTpi',
    cookie: (i) => i.issue(),
    status: 200,
  },
  {
    name: 'a bad token in the cookie',
    cookie: () => 'nonsense',
    status: 401,
    code: 'malformed',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token between quotes in the cookie',
    cookie: async (i) => `"${await i.issue()}"`,
    status: 400,
    code: 'malformed_credentials',
    challenge: INVALID_REQUEST,
  },
  {
    name: 'two cookies',
    cookie: (i) => i.issue(),
    headers: ['cookie', `${ACCESS_COOKIE}=x`],
    status: 400,
    code: 'multiple_credentials',
    challenge: INVALID_REQUEST,
  },
  {
    name: 'a token in the header and one in the cookie',
    authorization: (i) => bearer(i.issue()),
    cookie: (i) => i.issue(),
    status: 400,
    code: 'multiple_credentials',
    challenge: INVALID_REQUEST,
  },
  ...[
    [],
    ['Origin', 'null'],
    ['Origin', 'https://evil.example', 'Sec-Fetch-Site', 'cross-site'],
  ].map((headers) => ({
    name: `a cookie for a change, with ${headers.join(' ') || 'no origin'}`,
    path: '/scoped',
    method: 'POST',
    cookie: (i: TestIssuer) => i.issue(),
    headers,
    status: 403,
    code: 'origin_required',
  })),
  ...['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'].map(
    (type) => ({
      name: `a form of a page elsewhere: ${type}`,
      path: '/scoped',
      method: 'POST',
      cookie: (i: TestIssuer) => i.issue(),
      headers: ['Origin', 'https://evil.example', 'Content-Type', type],
      status: 403,
      code: 'origin_required',
    }),
  ),
  {
    name: 'a cookie for an upgrade that no socket waits for',
    cookie: (i) => i.issue(),
    headers: ['Upgrade', 'h2c'],
    status: 403,
    code: 'origin_required',
  },
  ...[
    ['Origin', PUBLIC_ORIGIN],
    ['Sec-Fetch-Site', 'same-origin'],
  ].map((headers) => ({
    name: `a cookie for a change, with ${headers.join(' ')}`,
    path: '/scoped',
    method: 'POST',
    cookie: (i: TestIssuer) => i.issue(),
    headers,
    status: 201,
  })),
  {
    name: 'a cookie without the scope',
    path: '/scoped',
    cookie: (i) => i.issue({ scope: undefined }),
    status: 403,
    code: 'insufficient_scope',
    challenge: 'Bearer error="insufficient_scope", scope="orders:read"',
  },
];
