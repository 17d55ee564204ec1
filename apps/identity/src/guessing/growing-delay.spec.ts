import fc from 'fast-check';
import { delayAfter, memorySeconds } from './growing-delay.js';

const policy = { freeFailures: 5, firstSeconds: 1, longestSeconds: 900 };

it('the wait doubles up to the longest', () => {
  const waits = Array.from({ length: 13 }, (_, n) => delayAfter(n + 1, policy));
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
});

it('begins with the first, and that is never over the longest either', () => {
  expect([1, 2, 3].map((n) => delayAfter(n, { ...policy, firstSeconds: 30 }))).toEqual([
    30, 60, 120,
  ]);
  expect(delayAfter(1, { ...policy, firstSeconds: 901 })).toBe(900);
});

it('never shrinks, is never over the longest, and is whole seconds', () => {
  const any = fc.record({
    freeFailures: fc.integer({ min: 1, max: 1_000_000_000 }),
    firstSeconds: fc.integer({ min: 1, max: 3600 }),
    longestSeconds: fc.integer({ min: 1, max: 3600 }),
  });
  fc.assert(
    fc.property(any, fc.integer({ min: 1, max: 2 ** 40 }), (some, overdone) => {
      const [wait, next] = [delayAfter(overdone, some), delayAfter(overdone + 1, some)];
      expect(Number.isInteger(wait)).toBe(true);
      expect(wait).toBeLessThanOrEqual(next);
      expect(next).toBeLessThanOrEqual(some.longestSeconds);
    }),
  );
});

it('under a constant attack an account is tried at most some twenty times an hour', () => {
  let [elapsed, overdone] = [0, 0];
  while (elapsed < memorySeconds(policy)) elapsed += delayAfter((overdone += 1), policy);
  expect([memorySeconds(policy), policy.freeFailures - 1 + overdone]).toEqual([3600, 17]);
});
