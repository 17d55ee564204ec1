import { createHash, timingSafeEqual } from 'node:crypto';

/** What stands in the cookie of delivery `session`: `sid.secret`, the secret being 256 random bits as base64url. */
export interface OpaqueCookie {
  readonly sid: string;
  readonly secret: string;
}

const SPELLING = /^([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\.([\w-]{43})$/;

/** Takes a cookie's value apart. `undefined` when it is not spelt as ours are. */
export function parseOpaqueCookie(value: string): OpaqueCookie | undefined {
  const [, sid, secret] = SPELLING.exec(value) ?? [];
  return sid === undefined || secret === undefined ? undefined : { sid, secret };
}

/** What is stored of the secret: SHA-256. It is random, so a slow hash would add nothing. */
export function hashOfSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Whether `secret` is the one of which `hash` is stored. In constant time. */
export function isSecretGood(secret: string, hash: Buffer | null): boolean {
  return hash?.length === 32 && timingSafeEqual(hashOfSecret(secret), hash);
}
