import fc from 'fast-check';
import { IdFilter } from './id-filter.js';

const id = (n: number) => `8a9d3f4e-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;

it('never denies what was added', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (ids) => {
      const filter = new IdFilter();
      for (const one of ids) filter.add(one);
      return ids.every((one) => filter.mayHave(one));
    }),
    { numRuns: 50 },
  );
});

it('denies almost everything else, with 100,000 identifiers in it', () => {
  const filter = new IdFilter();
  for (let n = 0; n < 100_000; n += 1) filter.add(id(n));
  let doubts = 0;
  for (let n = 1_000_000; n < 1_100_000; n += 1) if (filter.mayHave(id(n))) doubts += 1;
  expect(doubts).toBeLessThan(10_000);
});
