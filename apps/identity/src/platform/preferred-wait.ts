/** The longest that a caller is kept waiting, seconds. */
const LONGEST_WAIT_SECONDS = 2;

// Each place can be matched in one way only: nothing backtracks far.
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const WORD = `(?:${TOKEN}|"(?:[\\t !#-[\\]-~]|\\\\[\\t -~])*")`;
const BWS = '[ \\t]*';
const PARAMETER = `${TOKEN}(?:${BWS}=${BWS}${WORD})?`;
const PREFERENCE = new RegExp(
  `${BWS}(?:(${TOKEN})(?:${BWS}=${BWS}(${WORD}))?(?:${BWS};(?:${BWS}${PARAMETER})?)*)?${BWS}(?:,|$)`,
  'y',
);

/**
 * Reads the preference `wait` of a `Prefer` header (RFC 7240 §4.3): how long the caller would wait for a complete answer,
 * in whole seconds, two at most. The first one counts (§2). `undefined` without one, for zero, and for a header that is not
 * well-formed: preferences may always be ignored.
 *
 * @param header several header lines joined by commas
 */
export function readPreferredWait(
  header: string | readonly string[] | undefined,
): number | undefined {
  const text = typeof header === 'object' ? header.join(',') : header;
  if (text === undefined || text.length > 1_000) return undefined;
  let wait: string | undefined;
  PREFERENCE.lastIndex = 0;
  while (PREFERENCE.lastIndex < text.length) {
    const match = PREFERENCE.exec(text);
    if (!match) return undefined;
    const [, name, value = ''] = match;
    if (name?.toLowerCase() === 'wait') wait ??= value;
  }
  const seconds = /^"?(\d{1,9})"?$/.exec(wait ?? '')?.[1];
  return Math.min(Number(seconds ?? 0), LONGEST_WAIT_SECONDS) || undefined;
}
