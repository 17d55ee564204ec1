import { TokenRejected } from './errors.js';
import { NotStrictJson, parseStrictObject } from './strict-json.js';

/** A JWS in compact form (RFC 7515 §7.1) and where its dots are. Nothing in it has been verified. */
export interface UnverifiedJws {
  readonly text: string;
  readonly firstDot: number;
  readonly secondDot: number;
}

/** Longest token that is looked at, characters. Ours are below 1,200. */
export const MAX_TOKEN_LENGTH = 8192;

/** Three non-empty parts of the URL-safe alphabet: nothing else in it, no padding (RFC 7515 §2). */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * Takes a compact JWS apart, strictly: three parts of canonical base64url.
 *
 * @throws {TokenRejected} `malformed`
 */
export function splitUnverifiedJws(text: string): UnverifiedJws {
  if (text.length > MAX_TOKEN_LENGTH) throw new TokenRejected('malformed', 'too long');
  if (!COMPACT.test(text)) throw new TokenRejected('malformed', 'not three parts of base64url');
  const firstDot = text.indexOf('.');
  const secondDot = text.indexOf('.', firstDot + 1);
  requireCanonical(text, 0, firstDot);
  requireCanonical(text, firstDot + 1, secondDot);
  requireCanonical(text, secondDot + 1, text.length);
  return { text, firstDot, secondDot };
}

/** The protected header of a token that {@link splitUnverifiedJws} took apart. @throws {TokenRejected} `malformed` */
export function decodeUnverifiedHeader({
  text,
  firstDot,
}: UnverifiedJws): Readonly<Record<string, unknown>> {
  return decodeObject(text.slice(0, firstDot), 'header');
}

/** Its payload. @throws {TokenRejected} `malformed` */
export function decodeUnverifiedPayload({
  text,
  firstDot,
  secondDot,
}: UnverifiedJws): Readonly<Record<string, unknown>> {
  return decodeObject(text.slice(firstDot + 1, secondDot), 'payload');
}

/** The bytes that the signature covers. Good until the next call of any function here. */
export function signedBytes({ text, secondDot }: UnverifiedJws): Buffer {
  return scratch.subarray(0, scratch.write(text.slice(0, secondDot), 'latin1'));
}

/** The bytes of the signature. */
export function signatureBytes({ text, secondDot }: UnverifiedJws): Buffer {
  return Buffer.from(text.slice(secondDot + 1), 'base64url');
}

/** No token decodes to more bytes than it has characters, and nothing here waits between writing and reading. */
const scratch = Buffer.allocUnsafeSlow(MAX_TOKEN_LENGTH);

function decodeObject(part: string, name: string): Readonly<Record<string, unknown>> {
  try {
    return parseStrictObject(scratch.subarray(0, scratch.write(part, 'base64url')));
  } catch (error) {
    if (error instanceof NotStrictJson) {
      throw new TokenRejected('malformed', `the ${name} ${error.message}`);
    }
    throw error;
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** The value of each character of the alphabet, by its code. */
const VALUES = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, ALPHABET.indexOf(String.fromCharCode(code))),
);

/**
 * The last character of a part may carry bits that decode to nothing. They must be zero (RFC 4648 §3.5): one signature must
 * not have several spellings.
 */
function requireCanonical(text: string, from: number, to: number): void {
  const rest = (to - from) % 4;
  if (rest === 0) return;
  const unused = rest === 2 ? 0b1111 : 0b11;
  if (rest === 1 || ((VALUES[text.charCodeAt(to - 1)] ?? 0) & unused) !== 0) {
    throw new TokenRejected('malformed', 'not canonical base64url');
  }
}
