import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { TokenInAnswer, withoutToken } from './without-token.js';

/** What passes of an answer that comes in these pieces. */
const passed = (token: string, pieces: readonly string[]) =>
  buffer(Readable.from(pieces.map((piece) => Buffer.from(piece))).pipe(withoutToken(token)));

/** A text cut at these places. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [0, ...places.map((place) => place % (text.length + 1)), text.length];
  at.sort((a, b) => a - b);
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

// Few letters, so that beginnings of the token are everywhere.
const letters = fc.string({ unit: fc.constantFrom('e', 'y', '.'), maxLength: 40 });
const token = fc.string({ unit: fc.constantFrom('e', 'y', '.'), minLength: 1, maxLength: 8 });
const places = fc.array(fc.nat(), { maxLength: 6 });

test('an answer without the token passes byte for byte, one with it does not, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(token, letters, places, async (secret, text, where) => {
      const passing = passed(secret, cut(text, where));
      if (text.includes(secret)) await expect(passing).rejects.toThrow(TokenInAnswer);
      else expect((await passing).toString()).toBe(text);
    }),
  );
});

test('what cannot be the beginning of the token is not held back', async () => {
  const stream = withoutToken('eyJ.a.b');
  stream.write('data: 1\n\ney');
  expect(String(stream.read())).toBe('data: 1\n\n');
  stream.end('e');
  expect((await buffer(stream)).toString()).toBe('eye');
});
