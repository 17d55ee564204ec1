import fc from 'fast-check';
import { TailFilter } from './tail-filter.js';

const HALF_FULL = 1 << 17;
/** For a half that changes places often. */
const SOON_FULL = 1 << 8;
/** Different words, spread over all bits. */
const word = (n: number) => Math.imul(n + 1, 0x85ebca6b) | 0;

it('never denies what was added and has not ended, whenever it is swept', () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer(), lives: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ passes: fc.integer({ min: 1, max: 20 }) }),
    // So many at once that the halves change places.
    fc.record({ flood: fc.constant(SOON_FULL), lives: fc.integer({ min: 1, max: 50 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const filter = new TailFilter(SOON_FULL);
      const held: { last: number; expiresAt: number }[] = [];
      let now = 0;
      for (const one of steps) {
        if ('passes' in one) filter.sweep((now += one.passes));
        else if ('add' in one) {
          held.push({ last: one.add, expiresAt: now + one.lives });
          filter.add(one.add, now + one.lives);
        } else {
          for (let n = 0; n < one.flood; n += 1) filter.add(word(n), now + one.lives);
          filter.sweep(now);
        }
        const live = held.filter(({ expiresAt }) => expiresAt >= now);
        expect(live.filter(({ last }) => !filter.mayHave(last))).toEqual([]);
      }
    }),
    { numRuns: 60 },
  );
});

it('is mostly right about what was not added, and empties when all has ended', () => {
  const filter = new TailFilter();
  for (let n = 0; n < HALF_FULL; n += 1) filter.add(word(n), 10);
  const doubts = () => {
    let count = 0;
    for (let n = 1_000_000; n < 1_100_000; n += 1) if (filter.mayHave(word(n))) count += 1;
    return count;
  };
  expect(doubts()).toBeLessThan(10_000);
  filter.sweep(1);
  filter.sweep(11);
  expect(doubts()).toBe(0);
});
