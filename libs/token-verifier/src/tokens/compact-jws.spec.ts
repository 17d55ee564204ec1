import fc from 'fast-check';
import { splitUnverifiedJws } from './compact-jws.js';
import { TokenRejected } from '../errors.js';

const payload = Buffer.from('{"exp":1}').toString('base64url');

function isTaken(signature: string): boolean {
  try {
    splitUnverifiedJws(`e30.${payload}.${signature}`);
    return true;
  } catch (error) {
    if (error instanceof TokenRejected) return false;
    throw error;
  }
}

/** What encoding the decoded bytes again says. */
const isCanonical = (part: string) =>
  part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part;

it('takes exactly the canonical spelling of a part', () => {
  const character = fc.constantFrom(
    ...Array.from('AQgwEIMUYcko048Zz9-_'),
    ...Array.from('+/=. \n\0éŁ😀'),
  );
  const spelling = fc.oneof(
    fc
      .uint8Array({ minLength: 1, maxLength: 12 })
      .map((bytes) => Buffer.from(bytes).toString('base64url')),
    fc.string({ unit: character, maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...Array.from('AQgwB-_')), maxLength: 9 }),
  );
  fc.assert(
    fc.property(spelling, (part) => {
      expect(isTaken(part)).toBe(isCanonical(part));
    }),
    { numRuns: 5_000 },
  );
});

it.each([
  ['another last character with the same bytes', 'AB'],
  ['padding', 'AA=='],
  ['the other alphabet', 'ab+/'],
  ['white space', 'AA AA'],
  ['a character whose low byte is in the alphabet', 'AAA\u0141'],
  ['one character alone', 'AAAAA'],
])('refuses %s', (_name, part) => expect(isTaken(part)).toBe(false));
