import { Chance } from './chance.js';
import { Disturbances, RECOVERY_MS } from './disturbances.js';
import { growthOf, slopeOf } from './growth.js';
import type { Life } from './growth.js';
import { GROWTH_LIMITS, SLOPE_LIMITS, slopeLimits, verdictOf } from './verdict.js';
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

const MINUTE = 60_000;
const [BEGAN, EVERY] = [5_000, 2_000];

/** A process of a run, whose samples say what it held then. */
const lifeOf = (
  minutes: number,
  rssMb: (at: number) => number,
  fds = (_at: number) => 30,
): Life => ({
  name: 'orders',
  samples: Array.from({ length: (minutes * MINUTE) / EVERY + 1 }, (_, n) => ({
    at: BEGAN + n * EVERY,
    rssMb: rssMb((n * EVERY) / MINUTE),
    fds: fds((n * EVERY) / MINUTE),
  })),
});
/** As in a run of so many minutes. */
const measuring = (minutes: number) => ({
  warmUpMs: Math.min(2, minutes / 4) * MINUTE,
  halfAt: BEGAN + (minutes / 2) * MINUTE,
  enoughMs: 0.4 * minutes * MINUTE,
});

it('growth is counted after the warm-up, and once more for the second half', () => {
  const steep = (at: number) => (at < 2 ? 50 * at : 100 + at / 2);
  const growth = growthOf(
    lifeOf(10, steep, (at) => 30 + at / 4),
    measuring(10),
  );
  expect(growth).toMatchObject({
    name: 'orders',
    measuredMs: 8 * MINUTE,
    rssMb: expect.closeTo(4, 5),
    fds: expect.closeTo(2, 5),
  });
  expect(growth!.half.minutes).toBe(5);
  expect(growth!.half.rssMbPerMin).toBeCloseTo(0.5, 5);
  expect(growth!.half.fdsPerMin).toBeCloseTo(0.25, 5);
});

it('a process that was not there for long in the second half says nothing', () => {
  expect(
    growthOf(
      lifeOf(8, () => 9),
      measuring(10),
    ),
  ).toBeUndefined();
  expect(growthOf({ name: 'orders', samples: [] }, measuring(0))).toBeUndefined();
});

/** What a collector makes of a heap: it fills, and is emptied at once; now and then nobody comes for a while. */
const sawTooth = (period: number, height: number) => (at: number) =>
  100 + height * ((at % period) / period) + (at % 7 < 0.2 ? 2 * height : 0);
const failuresOf = (minutes: number, life: Life) => {
  const growth = growthOf(life, measuring(minutes))!;
  return verdictOf({ ...good, growths: [growth] }).failures;
};

describe.each([
  ['a quick saw-tooth', sawTooth(0.4, 15)],
  ['a slow saw-tooth', sawTooth(2.3, 6)],
  ['a heap that settles', (at: number) => 130 - 40 * Math.exp(-at / 3) + sawTooth(0.4, 3)(at)],
])('twenty minutes of %s', (_name, rssMb) => {
  it('are flat', () => {
    expect(failuresOf(20, lifeOf(20, rssMb))).toEqual([]);
  });

  it('with a leak of 1 MB a minute beneath it are not, although that is less than may be gained in all', () => {
    const failures = failuresOf(
      20,
      lifeOf(20, (at) => rssMb(at) + at),
    );
    expect(failures).toEqual([expect.stringMatching(/^orders gained \d\.\d+ MB a minute in the/)]);
  });
});

it('a handle every half minute is too much in twenty minutes', () => {
  const life = (every: number) =>
    lifeOf(
      20,
      () => 100,
      (at) => 30 + 8 * Math.sin(at * 9) + Math.floor(at / every),
    );
  expect(failuresOf(20, life(30))).toEqual([]);
  expect(failuresOf(20, life(0.5))).toContainEqual(expect.stringMatching(/ handles a minute /));
});

it('of what was measured for a short time more is allowed: as much as in ten minutes, of one swing twice that', () => {
  expect(slopeLimits(10)).toEqual(SLOPE_LIMITS);
  expect(slopeLimits(60)).toEqual(SLOPE_LIMITS);
  expect(slopeLimits(5)).toEqual({ rssMbPerMin: 1.5, fdsPerMin: 2 });
  expect(slopeLimits(0.5)).toEqual({ rssMbPerMin: 30, fdsPerMin: 40 });
});

const good: Seen = {
  minutes: 20,
  requests: 5,
  faults: 1,
  rotations: 1,
  breaches: [],
  unexpected: [],
  refusals: [],
  growths: [
    {
      name: 'orders',
      measuredMs: 18 * MINUTE,
      rssMb: -3,
      fds: 1,
      half: { minutes: 10, rssMbPerMin: -0.1, fdsPerMin: 0 },
    },
  ],
};
const steeper = (more: object) => grown({ half: { ...good.growths[0]!.half, ...more } });
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
  ['memory at the end', steeper({ rssMbPerMin: 0.76 }), 'rss_mb_per_min=0.76'],
  ['handles at the end', steeper({ fdsPerMin: 1.01 }), 'fds_per_min=1.01'],
  ['nothing measured', { growths: [] }, 'rss_growth_mb='],
  ['nothing broken', { faults: 0 }, 'faults=0'],
])('%s is a failure, and counted', (_name, worse, counted) => {
  const { failures, line } = verdictOf({ ...good, ...worse } as Seen);
  expect(failures).toHaveLength(1);
  expect(line).toContain(counted);
});

it('what stays within the limits is no failure', () => {
  const { failures, line } = verdictOf({
    ...good,
    ...grown({ ...GROWTH_LIMITS, half: { minutes: 10, ...SLOPE_LIMITS } }),
  });
  expect(failures).toEqual([]);
  expect(line).toBe(
    'minutes=20.0 requests=5 wrong_accepts=0 lost=0 unexpected_5xx=0 rss_growth_mb=40.0 fd_growth=25.0 rss_mb_per_min=0.75 fds_per_min=1.00 wrong_refusals=0 faults=1 rotations=1',
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
