/** Everything that may stand in a path or query as it is (RFC 3986 §3.3, §3.4), and percent-encodings. */
const TARGET = /^\/[\w\-.~!$&'()*+,;=:@/?%[\]|^`{}"<>]*$/;
/** Encoded slash, backslash, and control characters: servers do not agree on what they mean. */
const AMBIGUOUS_ENCODING = /%(?:2f|5c|[01][\da-f]|7f)/i;
/** With parameters too: some servers take these off first. */
const DOT_SEGMENT = /^\.{1,2}(?:;|$)/;

/**
 * Whether a request target (RFC 9112 §3.2) means the same path to everybody who reads it: to the router here, which decides
 * what is verified, and to the upstream, which decides what is done. Only origin form, without dot segments, empty
 * segments, encoded separators or control characters, and only with encodings that can be decoded.
 *
 * Says nothing about the query but that it has no raw control characters, spaces, backslashes or fragments.
 */
export function isUnambiguousTarget(target: string): boolean {
  if (!TARGET.test(target)) return false;
  const [path = ''] = target.split('?', 1);
  if (AMBIGUOUS_ENCODING.test(path) || path.includes('//')) return false;
  const segments = decoded(path)?.split('/') ?? ['..'];
  return !segments.some((segment) => DOT_SEGMENT.test(segment));
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
