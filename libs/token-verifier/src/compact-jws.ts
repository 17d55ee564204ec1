import { TokenRejected } from './errors.js';

/** The three parts of a JWS in compact form (RFC 7515 §7.1). Nothing in it has been verified. */
export interface UnverifiedJws {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  /** The ASCII bytes that the signature covers. */
  readonly signingInput: Buffer;
  readonly signature: Buffer;
}

/** Longest token that is looked at, characters. Ours are below 1,200. */
const MAX_TOKEN_LENGTH = 8192;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Takes a compact JWS apart, strictly: exactly three parts, canonical base64url without padding, header and payload
 * plain JSON objects in UTF-8 without a byte order mark.
 *
 * Verifies nothing.
 *
 * @throws {TokenRejected} `malformed`
 */
export function decodeUnverifiedJws(token: string): UnverifiedJws {
  if (token.length > MAX_TOKEN_LENGTH) malformed('too long');
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  if (first < 0 || second < 0 || token.includes('.', second + 1)) malformed('not three parts');
  const header = jsonObject(token.slice(0, first), 'header');
  const payload = jsonObject(token.slice(first + 1, second), 'payload');
  return {
    header,
    payload,
    signingInput: Buffer.from(token.slice(0, second), 'latin1'),
    signature: bytes(token.slice(second + 1), 'signature'),
  };
}

function jsonObject(part: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes(part, name)));
  } catch (error) {
    if (error instanceof TokenRejected) throw error;
    malformed(`${name} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    malformed(`${name} is not an object`);
  }
  return value as Record<string, unknown>;
}

function bytes(part: string, name: string): Buffer {
  if (!BASE64URL.test(part)) malformed(`${name} is not base64url`);
  const decoded = Buffer.from(part, 'base64url');
  // The last character may carry unused bits: one signature must not have several spellings.
  if (decoded.toString('base64url') !== part) malformed(`${name} is not canonical base64url`);
  return decoded;
}

function malformed(reason: string): never {
  throw new TokenRejected('malformed', reason);
}
