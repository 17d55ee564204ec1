import { TokenRejected } from '../errors.js';
import { PlainClaimsReader } from './plain-claims.js';
import type { Claims } from './plain-claims.js';
import { NotStrictJson, parseStrictObject } from './strict-json.js';

/** A JWS in compact form (RFC 7515 §7.1), taken apart. Nothing in it has been verified. */
export interface UnverifiedJws {
  /** The protected header as it is spelled. */
  readonly headerText: string;
  readonly payload: Claims;
  readonly signature: Buffer;
  /** Header and payload with the dot between: what the signature covers. */
  readonly signedText: string;
}

/** Longest token that is looked at, characters. Ours are below 1,200. */
export const MAX_TOKEN_LENGTH = 8192;

/** No token decodes to more bytes than it has characters; nothing waits between writing and reading it. */
const scratch = Buffer.allocUnsafeSlow(MAX_TOKEN_LENGTH);
const plainClaims = new PlainClaimsReader();

/**
 * Takes a compact JWS apart, strictly: three non-empty parts of canonical base64url, the payload one strict JSON object. The
 * header stays as it is spelled.
 *
 * @throws {TokenRejected} `malformed`
 */
export function splitUnverifiedJws(text: string): UnverifiedJws {
  if (text.length > MAX_TOKEN_LENGTH) throw new TokenRejected('malformed', 'too long');
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  if (first < 1 || second < first + 2 || second === text.length - 1) {
    throw new TokenRejected('malformed', 'not three parts');
  }
  if (!isOfItsAlphabet(text)) throw notCanonical();
  const length = decodePart(text.slice(first + 1, second));
  const payload = plainClaims.read(scratch, length) ?? parseScratch(length, 'payload');
  return {
    headerText: text.slice(0, first),
    payload,
    signature: decodeSignature(text.slice(second + 1)),
    signedText: text.slice(0, second),
  };
}

/** @throws {TokenRejected} `malformed` */
export function decodeUnverifiedHeader({
  headerText,
}: UnverifiedJws): Readonly<Record<string, unknown>> {
  return parseScratch(decodePart(headerText), 'header');
}

/**
 * Decodes one part of a text that {@link isOfItsAlphabet} into `scratch`.
 *
 * @returns how many bytes it has; what lies behind them is of earlier tokens
 * @throws {TokenRejected} see {@link isCanonical}
 */
function decodePart(part: string): number {
  const length = scratch.write(part, 'base64url');
  if (!isCanonical(part, length)) throw notCanonical();
  return length;
}

/** The same in memory of its own, since a signature may have to wait for a key. */
function decodeSignature(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (!isCanonical(part, bytes.length)) throw notCanonical();
  return bytes;
}

/**
 * Whether a part that decoded to `length` bytes is the one spelling that encoding them gives (RFC 4648 §3.5): no other
 * characters, no padding, no unused bits that are not zero, no more dots. One signature must not have several spellings.
 */
function isCanonical(part: string, length: number): boolean {
  // The decoder passes over what is not in the alphabet: then there are fewer bytes.
  return length === Math.floor((part.length * 3) / 4) && endsInZeroBits(part);
}

/** ASCII, and neither of the two characters that Node's decoder takes besides base64url. */
function isOfItsAlphabet(text: string): boolean {
  return Buffer.byteLength(text) === text.length && !text.includes('+') && !text.includes('/');
}

/** Whether the bits of the last character that belong to no byte are zero; one character alone makes no byte. */
function endsInZeroBits(part: string): boolean {
  const last = part.charAt(part.length - 1);
  switch (part.length % 4) {
    case 0:
      return true;
    case 2:
      return 'AQgw'.includes(last);
    case 3:
      return 'AEIMQUYcgkosw048'.includes(last);
    default:
      return false;
  }
}

function notCanonical(): TokenRejected {
  return new TokenRejected('malformed', 'not canonical base64url');
}

function parseScratch(length: number, name: string): Readonly<Record<string, unknown>> {
  try {
    return parseStrictObject(scratch.subarray(0, length));
  } catch (error) {
    if (error instanceof NotStrictJson) {
      throw new TokenRejected('malformed', `the ${name} ${error.message}`);
    }
    throw error;
  }
}
