/** A UUID (RFC 9562) as four 32-bit words. */
export type UuidWords = Int32Array;

const HYPHEN = 0x2d;
/** The value of each hexadecimal digit by its character code; negative for everything else. Lower case only. */
const DIGITS = new Int32Array(256).fill(-1);
for (let value = 0; value < 16; value += 1) DIGITS[value.toString(16).charCodeAt(0)] = value;

/**
 * Reads the canonical form of a UUID, 36 characters with lower-case digits, into `words`, without allocating.
 *
 * Only that one form is read, so that two texts are the same exactly when their words are.
 *
 * @returns false for any other text; `words` then holds nothing of use
 */
export function readUuid(text: string, words: UuidWords): boolean {
  if (
    text.length !== 36 ||
    text.charCodeAt(8) !== HYPHEN ||
    text.charCodeAt(13) !== HYPHEN ||
    text.charCodeAt(18) !== HYPHEN ||
    text.charCodeAt(23) !== HYPHEN
  ) {
    return false;
  }
  const a = fourDigits(text, 0);
  const b = fourDigits(text, 4);
  const c = fourDigits(text, 9);
  const d = fourDigits(text, 14);
  const e = fourDigits(text, 19);
  const f = fourDigits(text, 24);
  const g = fourDigits(text, 28);
  const h = fourDigits(text, 32);
  words[0] = (a << 16) | b;
  words[1] = (c << 16) | d;
  words[2] = (e << 16) | f;
  words[3] = (g << 16) | h;
  return (a | b | c | d | e | f | g | h) >= 0;
}

/**
 * The last word only, a quarter of the work: enough to say of nearly all identifiers that they are not known. Of a text that is
 * no UUID, any word.
 */
export function readLastWord(text: string): number {
  return (fourDigits(text, 28) << 16) | fourDigits(text, 32);
}

/** Negative unless all four characters are digits. */
function fourDigits(text: string, at: number): number {
  const a = text.charCodeAt(at);
  const b = text.charCodeAt(at + 1);
  const c = text.charCodeAt(at + 2);
  const d = text.charCodeAt(at + 3);
  if ((a | b | c | d) > 255) return -1;
  return (
    ((DIGITS[a & 255] ?? -1) << 12) |
    ((DIGITS[b & 255] ?? -1) << 8) |
    ((DIGITS[c & 255] ?? -1) << 4) |
    (DIGITS[d & 255] ?? -1)
  );
}
