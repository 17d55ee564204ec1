import { Chance } from './chance.js';
import { Disturbances, RECOVERY_MS } from './disturbances.js';
import { growthOf, slopeOf } from './growth.js';
import type { Life } from './growth.js';
import { GROWTH_LIMITS, verdictOf } from './verdict.js';
import type { Seen } from './verdict.js';

it.each([
  [
    'a straight line',
    [
      [0, 5],
      [1, 7],
      [2, 9],
    ],
    2,
  ],
  [
    'what stays',
    [
      [0, 5],
      [10, 5],
      [20, 5],
    ],
    0,
  ],
  [
    'what falls',
    [
      [0, 9],
      [2, 5],
    ],
    -2,
  ],
  [
    'what swings around a line',
    [
      [0, 1],
      [1, -1],
      [2, 1],
      [3, -1],
      [4, 1],
    ],
    0,
  ],
  ['one point', [[3, 8]], 0],
  ['none', [], 0],
] as [string, [number, number][], number][])('the slope of %s', (_name, points, slope) => {
  expect(slopeOf(points)).toBeCloseTo(slope, 10);
});

/** A process that gains this much a second after a start that costs a lot. */
const lifeOf = (seconds: number, mbPerSecond: number, fdsPerSecond = 0): Life => ({
  name: 'orders',
  samples: Array.from({ length: seconds / 2 + 1 }, (_, n) => ({
    at: 5_000 + n * 2_000,
    rssMb: n * 2 < 20 ? n * 10 : 100 + n * 2 * mbPerSecond,
    fds: 30 + n * 2 * fdsPerSecond,
  })),
});

it('growth is counted after the warm-up, over all that was measured', () => {
  expect(growthOf(lifeOf(100, 0.5, 0.25), 20_000, 40_000)).toMatchObject({
    name: 'orders',
    measuredMs: 80_000,
    rssMb: expect.closeTo(40, 5),
    fds: expect.closeTo(20, 5),
  });
});

it('a process that did not live long says nothing', () => {
  expect(growthOf(lifeOf(50, 9), 20_000, 40_000)).toBeUndefined();
  expect(growthOf({ name: 'orders', samples: [] }, 0, 0)).toBeUndefined();
});

const good: Seen = {
  minutes: 20,
  requests: 5,
  faults: 1,
  rotations: 1,
  breaches: [],
  unexpected: [],
  refusals: [],
  growths: [{ name: 'orders', measuredMs: 60_000, rssMb: -3, fds: 1 }],
};
const grown = (more: object) => ({ growths: [...good.growths, { ...good.growths[0]!, ...more }] });

it.each([
  ['a wrong accept', { breaches: [{ kind: 'wrong_accept', text: 'x' }] }, 'wrong_accepts=1'],
  ['a lost revocation', { breaches: [{ kind: 'lost', text: 'x' }] }, 'lost=1'],
  ['a wrong refusal', { refusals: ['x'] }, 'wrong_refusals=1'],
  ['a 500', { unexpected: ['x'] }, 'unexpected_5xx=1'],
  [
    'a service that stays away',
    { breaches: [{ kind: 'not_healed', text: 'x' }] },
    'unexpected_5xx=1',
  ],
  ['memory', grown({ rssMb: GROWTH_LIMITS.rssMb + 1 }), 'rss_growth_mb=41.0'],
  ['handles', grown({ fds: GROWTH_LIMITS.fds + 1 }), 'fd_growth=26.0'],
  ['nothing measured', { growths: [] }, 'rss_growth_mb='],
  ['nothing broken', { faults: 0 }, 'faults=0'],
])('%s is a failure, and counted', (_name, worse, counted) => {
  const { failures, line } = verdictOf({ ...good, ...worse } as Seen);
  expect(failures).toHaveLength(1);
  expect(line).toContain(counted);
});

it('what stays within the limits is no failure', () => {
  const { failures, line } = verdictOf({ ...good, ...grown(GROWTH_LIMITS) });
  expect(failures).toEqual([]);
  expect(line).toBe(
    'minutes=20.0 requests=5 wrong_accepts=0 lost=0 unexpected_5xx=0 rss_growth_mb=40.0 fd_growth=25.0 wrong_refusals=0 faults=1 rotations=1',
  );
});

it('503, or no answer, is expected from what is broken and for a time after it; nothing else is', () => {
  const disturbances = new Disturbances();
  disturbances.begin(['orders'], 1_000)(2_000);
  const allow = (status: number, at: number, part: 'orders' | 'payments' = 'orders') =>
    disturbances.allow(status, [part], at, at + 10);
  expect([allow(503, 995), allow(0, 1_500), allow(503, 2_000 + RECOVERY_MS)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([allow(503, 900), allow(0, 2_001 + RECOVERY_MS)]).toEqual([false, false]);
  expect([allow(500, 1_500), allow(502, 1_500), allow(503, 1_500, 'payments')]).toEqual([
    false,
    false,
    false,
  ]);
  expect([allow(200, 0), allow(401, 0), allow(429, 0)]).toEqual([true, true, true]);
});

it('the same seed breaks the same things', () => {
  const draw = (seed: number) => new Chance(seed).shuffle(['a', 'b', 'c', 'd', 'e', 'f']).join('');
  expect(draw(4)).toBe(draw(4));
  expect(new Set([1, 2, 3, 4, 5, 6].map(draw)).size).toBeGreaterThan(3);
  const chance = new Chance(9);
  for (let n = 0; n < 1_000; n += 1) {
    expect(chance.between(2, 3)).toBeGreaterThanOrEqual(2);
    expect(chance.between(2, 3)).toBeLessThan(3);
  }
});
