import { isUtf8 } from 'node:buffer';

/** Bytes that are not one strict JSON object. The message is fixed text. */
export class NotStrictJson extends Error {
  override readonly name = 'NotStrictJson';
}

/**
 * Parses a JSON object so that no other parser can read it otherwise: valid UTF-8 without a byte order mark, and no member
 * named twice in any object (RFC 8725 §2.4 has the attacks, RFC 7515 §4 the rule for headers), nested 32 deep at most.
 *
 * @throws {NotStrictJson}
 */
export function parseStrictObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  if (bytes[0] === 0xef) throw new NotStrictJson('begins with a byte order mark');
  const text = bytes.toString('utf8');
  // What is not UTF-8 decodes to replacement characters; only where there are any is a closer look worth its time.
  if (text.includes('\uFFFD') && !isUtf8(bytes)) throw new NotStrictJson('is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NotStrictJson('is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new NotStrictJson('is not an object');
  }
  // Of members with one name JSON.parse keeps the last: then the text has more of them than the value.
  if (countMembersInText(text) !== countMembers(value, 1))
    throw new NotStrictJson('names a member twice');
  return value as Record<string, unknown>;
}

/** Objects and lists within each other. Neither tokens nor key sets need more than a few. */
const MAX_DEPTH = 32;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** Counts the members of all objects in valid JSON text: the strings that a colon follows. */
function countMembersInText(text: string): number {
  let members = 0;
  let at = text.indexOf('"');
  while (at !== -1) {
    let end = endOfString(text, at) + 1;
    while (isSpace(text.charCodeAt(end))) end += 1;
    if (text.charCodeAt(end) === COLON) members += 1;
    at = text.indexOf('"', end);
  }
  return members;
}

/** The index of the quote that closes the string opened at `open`. */
function endOfString(text: string, open: number): number {
  let end = text.indexOf('"', open + 1);
  while (text.charCodeAt(end - 1) === BACKSLASH) {
    let backslashes = 1;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) break;
    end = text.indexOf('"', end + 1);
  }
  return end;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function countMembers(value: object, depth: number): number {
  if (depth > MAX_DEPTH) throw new NotStrictJson('is nested too deeply');
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  let members = items === value ? 0 : items.length;
  for (const item of items) {
    if (typeof item === 'object' && item !== null) members += countMembers(item, depth + 1);
  }
  return members;
}
