const REDACTED = '[redacted]';

/** A JWS, whole or without its signature. Every JSON object begins with the same letters in base64url. */
const TOKEN = /eyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g;
const CREDENTIALS = /\b(Bearer|Basic)\s+[\w~+/.=-]{8,}/gi;
/** User and password of a URL. */
const USER_INFO = /\b([a-z][a-z+.-]*:\/\/)[^\s/@"]+@/gi;
const EMAIL = /[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+/g;

/** Members whose values never belong in a log, whatever they hold. */
export const SECRET_MEMBERS = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'current_password',
  'new_password',
  'token',
  'access_token',
  'refresh_token',
  'client_secret',
  'secret',
  'email',
] as const;

/**
 * Takes tokens, credentials and e-mail addresses out of a line of text: the last net under the named members, for what
 * slipped into a message.
 */
export function redactText(text: string): string {
  return text
    .replace(TOKEN, REDACTED)
    .replace(CREDENTIALS, `$1 ${REDACTED}`)
    .replace(USER_INFO, `$1${REDACTED}@`)
    .replace(EMAIL, REDACTED);
}

/**
 * Writes what a terminal would obey, or take for the end of a line, as an escape of JSON. Of a line of JSON that is all; in the `pretty`
 * form the escapes that are in it stay as they are spelt, but for the line feeds and tabs of a stack.
 */
export function harmless(line: string, format: 'json' | 'pretty'): string {
  const text = line.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (format === 'json') return text;
  return text.replace(/\\(u[\da-f]{4}|.)/g, (escape, code: string) =>
    /^([bfr]|u.{4})$/.test(code) ? `\\${escape}` : escape,
  );
}
