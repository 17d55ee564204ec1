import { rawHeaderValues } from './raw-headers.js';

/** The access token of a request, or why there is none. */
export type BearerCredentials =
  | { readonly token: string }
  | {
      readonly missing: 'credentials_required' | 'malformed_credentials' | 'multiple_credentials';
    };

/** `b64token` of RFC 6750 §2.1, after the scheme and exactly one space (RFC 9110 §11.6.2 allows more; we do not). */
const BEARER_TOKEN = /^bearer ([\w\-.~+/]+=*)$/i;

/**
 * Reads the access token from the `Authorization` header (RFC 6750 §2.1), given names and values in turn as they arrived.
 *
 * - no such header, or one of another scheme: `credentials_required`, since the caller has not tried ours (§3.1)
 * - scheme `Bearer` without exactly one well-formed token: `malformed_credentials`
 * - more than one such header, whatever they hold: `multiple_credentials`
 *
 * Does not look at the query string or the body (§2.2, §2.3), and verifies nothing.
 */
export function readBearerCredentials(rawHeaders: readonly string[]): BearerCredentials {
  const [value, second] = rawHeaderValues(rawHeaders, 'authorization');
  if (second !== undefined) return { missing: 'multiple_credentials' };
  if (value === undefined || !/^bearer( |$)/i.test(value)) {
    return { missing: 'credentials_required' };
  }
  const token = BEARER_TOKEN.exec(value)?.[1];
  return token === undefined ? { missing: 'malformed_credentials' } : { token };
}
