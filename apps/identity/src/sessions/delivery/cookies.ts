import { ACCESS_COOKIE, SESSION_COOKIE } from '@countersign/token-verifier';

/** A cookie of ours. Names never change with the environment. */
export interface CookieKind {
  readonly name: string;
  readonly path: string;
  readonly sameSite: 'Lax' | 'Strict';
}

/** The access token of a browser that signed in with delivery `cookie`. */
export const ACCESS = { name: ACCESS_COOKIE, path: '/', sameSite: 'Lax' } as const;
/**
 * Its refresh token. It travels to one route only, so the prefix that demands path `/` cannot be had; instead it counts only with an
 * access cookie of the same session.
 */
export const REFRESH = {
  name: '__Secure-countersign-refresh',
  path: '/auth/refresh',
  sameSite: 'Strict',
} as const;
/** The opaque id of a browser that signed in with delivery `session`. */
export const OPAQUE = { name: SESSION_COOKIE, path: '/', sameSite: 'Lax' } as const;

export const COOKIES: readonly CookieKind[] = [ACCESS, REFRESH, OPAQUE];

/**
 * The value of a `Set-Cookie` header (RFC 6265bis §4.1). Scripts cannot read the cookie and no other host gets it.
 *
 * @param value of characters that need no quoting
 * @param maxAge seconds; `undefined`: until the browser ends
 */
export function setCookie({ name, path, sameSite }: CookieKind, value: string, maxAge?: number) {
  const life = maxAge === undefined ? '' : `; Max-Age=${String(maxAge)}`;
  return `${name}=${value}; Path=${path}; HttpOnly; Secure; SameSite=${sameSite}${life}`;
}

/** Makes a browser forget a cookie. */
export function clearCookie(kind: CookieKind): string {
  return setCookie(kind, '', 0);
}
