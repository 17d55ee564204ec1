import fc from 'fast-check';
import { NotStrictJson, parseStrictObject } from './strict-json.js';

const parse = (text: string) => parseStrictObject(Buffer.from(text));

it.each([
  ['{}', {}],
  [' {"a" : 1 , "b":[{"a":2},{"a":3}]}\n', { a: 1, b: [{ a: 2 }, { a: 3 }] }],
  ['{"a\\"b":"c\\\\","d":"\\":"}', { 'a"b': 'c\\', d: '":' }],
  ['{"é":"😀"}', { é: '😀' }],
])('reads %s', (text, value) => expect(parse(text)).toEqual(value));

it('a member named like the prototype is a member', () => {
  expect(Object.keys(parse('{"__proto__":{"x":1}}'))).toEqual(['__proto__']);
});

it.each([
  ['a member twice', '{"a":1,"a":2}'],
  ['a member twice, spelled otherwise', '{"a":1,"\\u0061":2}'],
  ['a member twice, deep inside', '{"a":[{"b":{"c":1,"c":1}}]}'],
  ['the prototype twice', '{"__proto__":1,"__proto__":2}'],
  ['a list', '[]'],
  ['null', 'null'],
  ['text', '"a"'],
  ['nothing', ''],
  ['two objects', '{}{}'],
  ['a comment', '{/**/}'],
  ['a trailing comma', '{"a":1,}'],
  ['a byte order mark', '\uFEFF{}'],
])('refuses %s', (_name, text) => expect(() => parse(text)).toThrow(NotStrictJson));

it.each([[[0x7b, 0xff, 0x7d]], [[0x7b, 0x22, 0xc3, 0x22, 0x3a, 0x31, 0x7d]], [[0xed, 0xa0, 0x80]]])(
  'refuses bad UTF-8 %j',
  (bytes) => {
    expect(() => parseStrictObject(Buffer.from(bytes))).toThrow(NotStrictJson);
  },
);

it('takes whatever JSON.stringify makes of an object', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.constantFrom(undefined, 1, '\t'),
      (value, space) => {
        expect(parse(JSON.stringify(value, null, space))).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      },
    ),
  );
});

it('refuses any object with a member repeated', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), (value) => {
      const text = JSON.stringify(value);
      const [first] = Object.keys(value);
      expect(() => parse(`{${JSON.stringify(first)}:0,${text.slice(1)}`)).toThrow(NotStrictJson);
    }),
  );
});
