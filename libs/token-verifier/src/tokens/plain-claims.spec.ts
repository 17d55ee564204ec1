import fc from 'fast-check';
import { PlainClaimsReader } from './plain-claims.js';

const NAMES = [
  'iss',
  'sub',
  'aud',
  'exp',
  'iat',
  'nbf',
  'jti',
  'client_id',
  'scope',
  'sid',
  'auth_time',
  'roles',
] as const;
const NUMBERS = ['exp', 'iat', 'nbf', 'auth_time'];
const OWN_TEXTS = ['sub', 'jti', 'sid'];

const reader = new PlainClaimsReader();
const read = (text: string) => {
  const bytes = Buffer.from(text);
  return reader.read(bytes, bytes.length);
};
/** Without the members that are absent. */
const readJson = (text: string): unknown => {
  const claims = read(text);
  return claims && JSON.parse(JSON.stringify(claims));
};

const plainText = fc.string({ unit: fc.constantFrom(...Array.from('aZ09 :/.-_,[]{}')) });
const plainValue = (name: string): fc.Arbitrary<unknown> => {
  if (NUMBERS.includes(name)) return fc.nat({ max: 999_999_999_999_999 });
  if (OWN_TEXTS.includes(name)) return plainText;
  return fc.oneof(plainText, fc.array(plainText, { minLength: 1, maxLength: 4 }));
};
/** Plain claims in any order. */
const plainClaims = fc
  .shuffledSubarray([...NAMES], { minLength: 1 })
  .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), plainValue(name)))))
  .map((members) => Object.fromEntries(members));

it('reads plain claims as JSON.parse does, in any order, whatever was read before', () => {
  fc.assert(
    fc.property(plainClaims, (claims) => {
      expect(readJson(JSON.stringify(claims))).toEqual(claims);
    }),
    { numRuns: 2_000 },
  );
});

it('never reads anything otherwise than JSON.parse, however a payload was damaged', () => {
  const damage = fc.record({
    at: fc.nat({ max: 400 }),
    cut: fc.nat({ max: 3 }),
    put: fc.string({
      unit: fc.constantFrom(...Array.from('"\\,:[]{}0123456789eE+-. \n\0é')),
      maxLength: 3,
    }),
  });
  let stillRead = 0;
  fc.assert(
    fc.property(plainClaims, damage, (claims, { at, cut, put }) => {
      const whole = JSON.stringify(claims);
      const place = at % (whole.length + 1);
      const text = whole.slice(0, place) + put + whole.slice(place + cut);
      const got = readJson(text);
      if (got === undefined) return;
      stillRead += 1;
      expect(got).toEqual(JSON.parse(text));
    }),
    { numRuns: 5_000 },
  );
  expect(stillRead).toBeGreaterThan(100);
});

it('never reads on into what an earlier token has left behind the payload', () => {
  const whole = Buffer.from('{"exp":12,"sub":"u1","aud":["orders"],"sid":"s1"}');
  for (let length = 0; length < whole.length; length += 1) {
    expect(reader.read(whole, length)).toBeUndefined();
  }
  expect(reader.read(whole, whole.length)).toMatchObject({ exp: 12, sid: 's1' });
});

it('shares what tokens have alike, frozen', () => {
  const text = '{"iss":"https://a","aud":["orders","payments"],"roles":["customer"]}';
  const [one, other] = [read(text), read(text)];
  expect(other?.aud).toBe(one?.aud);
  expect(Object.isFrozen(one?.aud)).toBe(true);
  expect(read('{"aud":["orders"]}')?.aud).toEqual(['orders']);
  expect(one?.aud).toEqual(['orders', 'payments']);
});

it.each([
  ['nothing', ''],
  ['no object', '["iss"]'],
  ['no members', '{}'],
  ['a claim twice', '{"exp":1,"exp":2}'],
  ['a claim twice, otherwise spelled', '{"exp":1,"e\\u0078p":2}'],
  ['an unknown claim', '{"exp":1,"admin":true}'],
  ['white space', '{"exp": 1}'],
  ['white space after it', '{"exp":1} '],
  ['something after it', '{"exp":1}{}'],
  ['no end', '{"exp":1'],
  ['no end of a text', '{"sub":"a'],
  ['a trailing comma', '{"exp":1,}'],
  ['a leading zero', '{"exp":01}'],
  ['a fraction', '{"exp":1.5}'],
  ['an exponent', '{"exp":1e400}'],
  ['a sign', '{"exp":-1}'],
  ['more digits than a number holds', '{"exp":9999999999999999}'],
  ['no digits', '{"exp":}'],
  ['a text for a number', '{"exp":"1"}'],
  ['a number for a text', '{"sub":1}'],
  ['null', '{"sub":null}'],
  ['an escape', '{"sub":"\\u0061"}'],
  ['an escape in a list', '{"aud":["\\""]}'],
  ['a control character', '{"sub":"a\nb"}'],
  ['a character outside ASCII', '{"sub":"é"}'],
  ['an empty list', '{"aud":[]}'],
  ['a list in a list', '{"aud":[["orders"]]}'],
  ['a number in a list', '{"aud":["orders",1]}'],
  ['a list without end', '{"aud":["orders",'],
  ['an object', '{"aud":{"a":"b"}}'],
  ['a byte order mark', '\uFEFF{"exp":1}'],
])('does not read %s', (_name, text) => expect(read(text)).toBeUndefined());
