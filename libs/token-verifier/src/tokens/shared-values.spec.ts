import { shareLists, shareSplit, shareTexts } from './shared-values.js';

/** Equal to `value`, and not the same object. */
const copyOf = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

test('an equal list is the same one, and frozen', () => {
  const share = shareLists();
  const first = share(['orders', 'payments']);
  expect(share(copyOf(['orders', 'payments']))).toBe(first);
  for (const list of [first, share([]), share(['other'])]) expect(Object.isFrozen(list)).toBe(true);
});

test.each([[[]], [['orders']], [['payments', 'orders']], [['orders', 'payments', 'x']]])(
  '%j is another list, also after it',
  (other) => {
    const share = shareLists();
    share(['orders', 'payments']);
    expect(share(other)).toEqual(other);
    expect(share(['orders', 'payments'])).toEqual(['orders', 'payments']);
  },
);

test.each([[undefined], [null], ['orders'], [{ 0: 'orders', length: 1 }], [['orders', 1]]])(
  '%j is no list of texts',
  (value) => expect(shareLists()(value)).toBeUndefined(),
);

test('scopes that were split before are the same list, and frozen', () => {
  const share = shareSplit();
  const first = share('orders:read orders:write');
  expect(first).toEqual(['orders:read', 'orders:write']);
  expect(share('orders:read orders:write')).toBe(first);
  expect(share('orders:read')).toEqual(['orders:read']);
  for (const list of [first, share('x')]) expect(Object.isFrozen(list)).toBe(true);
});

test('a text comes back equal', () => {
  const share = shareTexts();
  expect(['a', 'a', 'b', 'a', ''].map(share)).toEqual(['a', 'a', 'b', 'a', '']);
});
