import { TokenRejected } from './errors.js';
import { NotStrictJson, parseStrictObject } from './strict-json.js';

/** A JWS in compact form (RFC 7515 §7.1), taken apart. Nothing in it has been verified. */
export interface UnverifiedJws {
  /** The protected header as it is spelled. */
  readonly headerText: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly signature: Buffer;
  /** Header and payload with the dot between: what the signature covers. */
  readonly signedText: string;
}

/** Longest token that is looked at, characters. Ours are below 1,200. */
export const MAX_TOKEN_LENGTH = 8192;

/** No token decodes to more bytes than it has characters; nothing waits between writing and reading it. */
const scratch = Buffer.allocUnsafeSlow(MAX_TOKEN_LENGTH);

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
  const payload = parseObject(text.slice(first + 1, second), 'payload');
  return {
    headerText: text.slice(0, first),
    payload,
    signature: Buffer.from(decodePart(text.slice(second + 1))),
    signedText: text.slice(0, second),
  };
}

/** @throws {TokenRejected} `malformed` */
export function decodeUnverifiedHeader({
  headerText,
}: UnverifiedJws): Readonly<Record<string, unknown>> {
  return parseObject(headerText, 'header');
}

/**
 * The bytes of one part, in `scratch`. Refuses every spelling but the one that encoding gives (RFC 4648 §3.5): other characters,
 * padding, unused bits that are not zero, more dots. One signature must not have several spellings.
 */
function decodePart(part: string): Buffer {
  const length = scratch.write(part, 'base64url');
  if (scratch.toString('base64url', 0, length) !== part) {
    throw new TokenRejected('malformed', 'not canonical base64url');
  }
  return scratch.subarray(0, length);
}

function parseObject(part: string, name: string): Readonly<Record<string, unknown>> {
  try {
    return parseStrictObject(decodePart(part));
  } catch (error) {
    if (error instanceof NotStrictJson) {
      throw new TokenRejected('malformed', `the ${name} ${error.message}`);
    }
    throw error;
  }
}
