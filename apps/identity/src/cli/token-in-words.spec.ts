import { printable, whenInWords } from './token-in-words.js';

it.each([
  [1_000, 1_000, '1970-01-01T00:16:40Z (0 s ago)'],
  [1_000, 1_119, '1970-01-01T00:16:40Z (119 s ago)'],
  [1_180, 1_000, '1970-01-01T00:19:40Z (in 3 min)'],
  [0, 7_200 * 4, '1970-01-01T00:00:00Z (8 h ago)'],
  [86_400 * 30, 0, '1970-01-31T00:00:00Z (in 30 days)'],
])('%d as seen at %d is %s', (at, now, words) => expect(whenInWords(at, now)).toBe(words));

it('nothing that a terminal would obey is printed', () => {
  expect(printable('a\u001b[31m\u009b2J\u202eb\n')).toBe('"a\\u001b[31m\\u009b2J\\u202eb\\n"');
  expect(printable({ 'x\u007f': ['é', 1, null] })).toBe('{"x\\u007f":["é",1,null]}');
});
