import { bearer, cookie, get, post, webSocket } from './case.js';
import type { Case } from './case.js';

const TWO_CREDENTIALS = /^400 (multiple_credentials|bad_request)$/;

export const CREDENTIALS: readonly Case[] = [
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

export const TWO_OF_A_KIND: readonly Case[] = [
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

export const OTHER_SITES: readonly Case[] = [
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
