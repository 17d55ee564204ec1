import { Transform } from 'node:stream';

/** A service has written the token that it was given into its answer. */
export class TokenInAnswer extends Error {
  override readonly name = 'TokenInAnswer';

  constructor() {
    super('an answer holds the token of its request');
  }
}

/**
 * Passes bytes on until `token` begins in them, spelt as it was sent: then it fails, and not a byte of the token has passed. Holds
 * back only what may be its beginning, so that streams of events are not held up.
 */
export function withoutToken(token: string): Transform {
  const needle = Buffer.from(token, 'latin1');
  let held: Buffer = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (bytes.includes(needle)) {
        done(new TokenInAnswer());
        return;
      }
      const end = beginningOf(needle, bytes);
      held = bytes.subarray(end);
      done(null, bytes.subarray(0, end));
    },
    flush(done) {
      done(null, held);
    },
  });
}

/** Where the end of `bytes` may be the beginning of `needle`; its length when nowhere. */
function beginningOf(needle: Buffer, bytes: Buffer): number {
  let at = Math.max(0, bytes.length - needle.length + 1);
  for (;;) {
    at = bytes.indexOf(needle[0] ?? 0, at);
    if (at === -1) return bytes.length;
    if (bytes.subarray(at).equals(needle.subarray(0, bytes.length - at))) return at;
    at += 1;
  }
}
