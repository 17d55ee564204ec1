import fc from 'fast-check';
import { readPreferredWait } from './preferred-wait.js';

it.each([
  ['wait=1', 1],
  ['wait=2', 2],
  ['wait=3', 2],
  ['wait=999999999', 2],
  ['Wait = 1', 1],
  ['wait="1"', 1],
  ['respond-async, wait=1', 1],
  ['foo; bar="a, wait=2"; baz, wait=1; x=y', 1],
  ['wait=1, wait=2', 1],
  [', ,wait=1,', 1],
  [['return=minimal', 'wait=1'], 1],
])('%p is a wish to wait', (header, seconds) => {
  expect(readPreferredWait(header)).toBe(seconds);
});

it.each([
  undefined,
  '',
  'respond-async',
  'wait',
  'wait=',
  'wait=0',
  'wait=-1',
  'wait=1.5',
  'wait=1s',
  'wait=0x1',
  'wait=+1',
  'wait="1',
  'wait=1 2',
  'wait=1;;=',
  'wait=x, wait=1',
  'await=1',
  'foo="wait=1"',
  '(wait=1)',
  `wait=1, ${'x'.repeat(1_000)}`,
])('%p is none', (header) => {
  expect(readPreferredWait(header)).toBeUndefined();
});

it.each(['a; ', ' ', 'a ', ',', 'a=b ;', 'a="', '";'])(
  'many times %p, then something else, is read as fast as anything',
  (part) => {
    expect(readPreferredWait(`${part.repeat(900 / part.length)}(`)).toBeUndefined();
  },
);

it('whatever is sent gives a whole number up to the limit, or nothing', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (header) => {
      expect([undefined, 1, 2]).toContain(readPreferredWait(header));
    }),
  );
});
