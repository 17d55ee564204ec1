import fc from 'fast-check';
import { DEFAULT_KEY_AGES, keyFreshness, refreshDelayMs } from './key-ages.js';

it.each([
  [0, 'fresh'],
  [900, 'fresh'],
  [901, 'late'],
  [43_200, 'late'],
  [43_201, 'stale'],
  [Number.POSITIVE_INFINITY, 'stale'],
])('a key set %s seconds old is %s', (age, freshness) => {
  expect(keyFreshness(age, DEFAULT_KEY_AGES)).toBe(freshness);
});

it.each([
  ['nothing', undefined, 300],
  ['a minute', 60, 60],
  ['nothing at all, which is not obeyed', 0, 30],
  ['a year, which is not obeyed either', 31_536_000, 300],
])('an issuer that allows %s is asked again in time, and not in step', (_name, maxAge, whole) => {
  fc.assert(
    fc.property(fc.nat(), () => {
      const seconds = refreshDelayMs(DEFAULT_KEY_AGES, maxAge) / 1000;
      return seconds <= whole && seconds >= whole * 0.8;
    }),
  );
});

it('any refresh age gives a delay', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (refreshSeconds) => {
      const ages = { refreshSeconds, softSeconds: 1e6, hardSeconds: 1e6 };
      return refreshDelayMs(ages, undefined) <= refreshSeconds * 1000;
    }),
  );
});
