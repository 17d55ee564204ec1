import { rawHeaderValues } from './raw-headers.js';

/**
 * The values of all cookies with one name, as they are spelt, from every `Cookie` header (RFC 6265 §4.2; a client may split
 * the header over HTTP/2, RFC 9113 §8.2.3, and what translates to HTTP/1.1 may leave it so).
 *
 * Reads as browsers write: a semicolon always ends a cookie, also between quotes, and a name is the exact text before `=`.
 * Nothing is unquoted, decoded or trimmed; a value that would need it was not set by us.
 */
export function cookieValues(rawHeaders: readonly string[], name: string): readonly string[] {
  const start = `${name}=`;
  return rawHeaderValues(rawHeaders, 'cookie')
    .flatMap((header) => header.split(';'))
    .map((pair) => pair.replace(/^[ \t]+/, ''))
    .filter((pair) => pair.startsWith(start))
    .map((pair) => pair.slice(start.length));
}
