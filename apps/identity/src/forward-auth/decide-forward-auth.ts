import { readRequestCredentials } from '@countersign/token-verifier';
import type { CookiePolicy, RequestHead, UnusableCredentials } from '@countersign/token-verifier';
import { OPAQUE } from '../sessions/delivery/cookies.js';

/** What is to be done about a request before it may go on to a relying service. */
export type ForwardAuthDecision =
  /** 400, 401 or 403. */
  | { readonly do: 'refuse'; readonly because: UnusableCredentials }
  /** It brings an access token, in the header or in a cookie. */
  | { readonly do: 'verify'; readonly token: string }
  /** It brings the opaque cookie of a session. */
  | { readonly do: 'swap'; readonly cookie: string };

/**
 * Looks at what a request shows of who makes it. Pure. A header beside a cookie, two of a kind, and a cookie on a request that
 * another site could have caused are refused here, whatever they hold.
 */
export function decideForwardAuth(
  request: RequestHead,
  cookies: CookiePolicy,
): ForwardAuthDecision {
  const given = readRequestCredentials(request, cookies);
  if ('missing' in given) return { do: 'refuse', because: given.missing };
  if (given.cookie === OPAQUE.name) return { do: 'swap', cookie: given.token };
  return { do: 'verify', token: given.token };
}
