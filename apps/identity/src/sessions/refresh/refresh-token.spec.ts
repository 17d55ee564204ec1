import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { isProofGood, makeRefreshToken, parseRefreshToken } from './refresh-token.js';

const SID = '8a9d3f4e-0000-4000-8000-000000000000';
const secret = Buffer.alloc(32, 7);

it('is sid, generation and an HMAC of the generation under the row secret', () => {
  const token = makeRefreshToken(SID, 3, secret);
  const proof = createHmac('sha256', secret).update('3').digest('base64url');
  expect(token).toBe(`${SID}.3.${proof}`);
  expect(parseRefreshToken(token)).toEqual({ sid: SID, generation: 3, proof });
});

it('proves its generation under its secret, and nothing else', () => {
  fc.assert(
    fc.property(fc.nat(999_999_999), fc.nat(999_999_999), (made, claimed) => {
      const { proof } = parseRefreshToken(makeRefreshToken(SID, made, secret))!;
      const good = isProofGood({ sid: SID, generation: claimed, proof }, secret);
      expect(good).toBe(made === claimed);
      expect(isProofGood({ sid: SID, generation: made, proof }, Buffer.alloc(32, 8))).toBe(false);
    }),
  );
});

it('any change of one character makes it another token, or none', () => {
  const token = makeRefreshToken(SID, 12, secret);
  const characters = fc.constantFrom(...Array.from('0123456789abcdefABCXYZ_-. ='));
  fc.assert(
    fc.property(fc.nat(token.length - 1), characters, (at, character) => {
      fc.pre(token[at] !== character);
      const changed = token.slice(0, at) + character + token.slice(at + 1);
      const parsed = parseRefreshToken(changed);
      if (parsed?.sid !== SID) return;
      expect(isProofGood(parsed, secret)).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

it.each([
  '',
  '.',
  '..',
  SID,
  `${SID}.0`,
  `${SID}.0.`,
  `${SID}.00.${'a'.repeat(43)}`,
  `${SID}.-1.${'a'.repeat(43)}`,
  `${SID}.1e3.${'a'.repeat(43)}`,
  `${SID}.1000000000.${'a'.repeat(43)}`,
  `${SID}.0.${'a'.repeat(42)}`,
  `${SID}.0.${'a'.repeat(43)}=`,
  `${SID}.0.${'a'.repeat(43)}\n`,
  `${SID.toUpperCase()}.0.${'a'.repeat(43)}`,
  ` ${SID}.0.${'a'.repeat(43)}`,
])('%j is none', (text) => {
  expect(parseRefreshToken(text)).toBeUndefined();
});
