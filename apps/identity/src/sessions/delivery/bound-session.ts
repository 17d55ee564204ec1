import { cookieValues } from '@countersign/token-verifier';
import { decodeJwt } from 'jose';
import { ACCESS } from './cookies.js';

/**
 * The session that this very host has given to a browser: the `sid` in its access cookie, whether that has expired or not. A neighbouring
 * host can plant a refresh cookie, since one with a path has no `__Host-` prefix, but not this one (RFC 6265bis §4.1.3.2). So a
 * refresh cookie counts only together with it. Its signature does not matter: who can choose what a browser holds here needs no cookie.
 *
 * @returns `undefined` without exactly one such cookie
 */
export function unverifiedBoundSession(rawHeaders: readonly string[]): string | undefined {
  const [value, second] = cookieValues(rawHeaders, ACCESS.name);
  if (value === undefined || second !== undefined) return undefined;
  try {
    const { sid } = decodeJwt<{ readonly sid?: unknown }>(value);
    return typeof sid === 'string' ? sid : undefined;
  } catch {
    return undefined;
  }
}
