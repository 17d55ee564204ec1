import { requireKnownNames } from '../known-names.js';
import { readBearerCredentials } from './bearer-credentials.js';
import { cookieValues } from './cookie-header.js';
import { isSameOrigin, needsSameOrigin, normalOrigin } from './same-origin.js';
import type { RequestHead } from './same-origin.js';

/** The cookie that holds the access token of a browser when it signed in with `delivery: cookie`. */
export const ACCESS_COOKIE = '__Host-countersign-access';

/** The cookie that holds the opaque id of a session when its browser signed in with `delivery: session`. For gateways, which swap it. */
export const SESSION_COOKIE = '__Host-countersign-session';

/** Why the credentials of a request cannot be used. */
export type UnusableCredentials =
  'credentials_required' | 'malformed_credentials' | 'multiple_credentials' | 'origin_required';

/** The credential of a request, not verified, with the name of the cookie that it came in; or why there is none. */
export type RequestCredentials =
  { readonly token: string; readonly cookie?: string } | { readonly missing: UnusableCredentials };

/** Which cookies are credentials, and which sites may use them. {@link cookiePolicy} makes it. */
export interface CookiePolicy {
  readonly names: readonly string[];
  readonly origins: ReadonlySet<string>;
}

export interface CookiePolicyOptions {
  /** Default: {@link ACCESS_COOKIE} alone. */
  readonly names?: readonly string[];
  /** The public origin, as the browser's address bar shows it, and others whose pages may use the cookies. */
  readonly origins: readonly string[];
}

/** What may stand in a cookie of ours: a JWT, or an opaque id. */
const COOKIE_TOKEN = /^[\w\-.~+/]+=*$/;
/**
 * A browser lets nobody but this host set the first, and nobody without https the second, which a neighbouring host can still set
 * with `Domain` (RFC 6265bis §4.1.3); the rest is a token of RFC 9110 §5.6.2.
 */
const PREFIXED_NAME = /^__(Host|Secure)-[\w!#$%&'*+\-.^`|~]+$/;

/**
 * Makes the policy for {@link readRequestCredentials}.
 *
 * @throws {TypeError} for a name without `__Host-` or `__Secure-`, which a page without https could set, for no name, for no
 *   origin, or for one that is not an origin
 */
export function cookiePolicy(options: CookiePolicyOptions): CookiePolicy {
  requireKnownNames('cookiePolicy', options, ['names', 'origins']);
  const { names = [ACCESS_COOKIE], origins } = options;
  if (names.length === 0 || !names.every((name) => PREFIXED_NAME.test(name))) {
    throw new TypeError('cookies with credentials need names that begin with __Host- or __Secure-');
  }
  if (origins.length === 0) throw new TypeError('cookies need the public origin');
  return { names, origins: new Set(origins.map(normalOrigin)) };
}

/**
 * Finds the one credential of a request: in `Authorization: Bearer`, or, only with a policy for them, in a cookie. Never in
 * the query string or the body. Verifies nothing.
 *
 * - more than one, of whatever kind: `multiple_credentials`, since two readers could choose differently
 * - one that is not spelt as it should be: `malformed_credentials`
 * - a cookie, sent with a request that another site could have caused (see {@link needsSameOrigin}): `origin_required`. The
 *   browser adds cookies by itself, so they alone do not show who asks.
 * - none, or an `Authorization` of another scheme: `credentials_required`
 */
export function readRequestCredentials(
  request: RequestHead,
  cookies?: CookiePolicy,
): RequestCredentials {
  const { rawHeaders } = request;
  const bearer = readBearerCredentials(rawHeaders);
  if (!cookies) return bearer;
  const [found, second] = cookies.names.flatMap((name) =>
    cookieValues(rawHeaders, name).map((value) => ({ cookie: name, token: value })),
  );
  if (!found) return bearer;
  const isBearerThere = 'token' in bearer || bearer.missing !== 'credentials_required';
  if (second || isBearerThere) return { missing: 'multiple_credentials' };
  if (!COOKIE_TOKEN.test(found.token)) return { missing: 'malformed_credentials' };
  if (needsSameOrigin(request) && !isSameOrigin(rawHeaders, cookies.origins)) {
    return { missing: 'origin_required' };
  }
  return { ...found, token: copyOf(found.token) };
}

/** Tokens are remembered for long: one that was cut out of a header would keep the whole of it in memory. */
function copyOf(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1');
}
