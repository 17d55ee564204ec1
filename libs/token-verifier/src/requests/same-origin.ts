import { rawHeaderValues } from './raw-headers.js';

/** Methods that change nothing (RFC 9110 §9.2.1). Names of methods are case-sensitive. */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** The parts of a request that say who asks for what: `method` and `rawHeaders` of `node:http`. */
export interface RequestHead {
  readonly method: string;
  /** Names and values in turn, as they arrived. */
  readonly rawHeaders: readonly string[];
}

/**
 * Whether a request does something that another site must not make a browser do in its user's name: it changes something, or
 * opens a connection whose answers the other site could read (a WebSocket knows no same-origin policy).
 */
export function needsSameOrigin({ method, rawHeaders }: RequestHead): boolean {
  return !SAFE_METHODS.has(method) || rawHeaderValues(rawHeaders, 'upgrade').length > 0;
}

/**
 * Whether a browser says that the request comes from this very origin (`Sec-Fetch-Site: same-origin`), or from one of `origins`
 * (`Origin`, RFC 6454 §7). Either is enough: a page with `Referrer-Policy: no-referrer` says `Origin: null` to its own site.
 *
 * A header that came twice, `Origin: null`, and any spelling that browsers do not use, prove nothing.
 *
 * @param origins as {@link normalOrigin} gives them
 */
export function isSameOrigin(rawHeaders: readonly string[], origins: ReadonlySet<string>): boolean {
  if (onlyValue(rawHeaders, 'sec-fetch-site') === 'same-origin') return true;
  const origin = onlyValue(rawHeaders, 'origin');
  return origin !== undefined && origins.has(origin);
}

/**
 * An origin as browsers spell it: lower case, without a default port.
 *
 * @throws {TypeError} when `text` is not the origin of an http or https address, or says more than an origin
 */
export function normalOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (!isOrigin) throw new TypeError('an origin is written like https://shop.example, no more');
  return url.origin;
}

function onlyValue(rawHeaders: readonly string[], name: string): string | undefined {
  const [value, second] = rawHeaderValues(rawHeaders, name);
  return second === undefined ? value : undefined;
}
