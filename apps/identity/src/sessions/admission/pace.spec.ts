import { Pace } from './pace.js';

/** The same every time, and even enough. */
function chance(): () => number {
  let n = 1;
  return () => {
    n = (n * 48_271) % 2_147_483_647;
    return n / 2_147_483_647;
  };
}

/** A crowd that comes within two seconds, and does as it is told. @returns when each was let in, and how often turned away */
function rush(count: number, perSecond: number) {
  const random = chance();
  const pace = new Pace(perSecond, 0, random);
  const coming = Array.from({ length: count }, () => ({ at: random() * 2, away: 0 }));
  const admitted: { at: number; away: number }[] = [];
  while (coming.length > 0) {
    coming.sort((a, b) => b.at - a.at);
    const due = coming.splice(Math.max(0, coming.length - 500));
    due.reverse();
    for (const one of due) {
      const wait = pace.ask(one.at);
      if (wait === 0) admitted.push(one);
      else coming.push({ at: one.at + wait, away: one.away + 1 });
    }
  }
  return admitted;
}

it('a crowd is let in at the pace, all of it, and hardly anybody comes in vain twice', () => {
  const [count, perSecond] = [20_000, 200];
  const admitted = rush(count, perSecond);
  expect(admitted).toHaveLength(count);
  const inSecond = new Map<number, number>();
  for (const { at } of admitted) {
    inSecond.set(Math.floor(at), (inSecond.get(Math.floor(at)) ?? 0) + 1);
  }
  expect(Math.max(...inSecond.values())).toBeLessThanOrEqual(2 * perSecond);
  const last = Math.max(...admitted.map(({ at }) => at));
  expect(last).toBeLessThan((count / perSecond) * 1.6);
  // Nearly all of the seconds were used.
  expect([...inSecond.values()].filter((n) => n >= perSecond / 2).length).toBeGreaterThan(
    last * 0.8,
  );
  const triesEach = admitted.reduce((sum, { away }) => sum + away, 0) / count;
  expect(triesEach).toBeLessThan(2.5);
});

it('a usual day is never turned away', () => {
  const pace = new Pace(200, 0, chance());
  const waits = Array.from({ length: 10_000 }, (_, n) => pace.ask(n / 190));
  expect(Math.max(...waits)).toBe(0);
});

it('what was not used is kept for one second, no longer', () => {
  const pace = new Pace(5, 0, chance());
  const letIn = () => Array.from({ length: 50 }, () => pace.ask(100)).filter((wait) => wait === 0);
  expect(letIn()).toHaveLength(5);
});

it('who does not wait is turned away again, and keeps nobody out for longer than a minute', () => {
  const pace = new Pace(10, 0, chance());
  const waits = Array.from({ length: 50_000 }, (_, n) => pace.ask(n / 50_000));
  expect(Math.max(...waits)).toBeLessThanOrEqual(62);
  expect(pace.ask(3)).toBe(0);
});

it('the moments that are told are spread', () => {
  const pace = new Pace(10, 0, chance());
  const told = Array.from({ length: 410 }, () => pace.ask(0)).filter((wait) => wait > 0);
  const counts = new Map<number, number>();
  for (const wait of told) counts.set(wait, (counts.get(wait) ?? 0) + 1);
  expect(counts.size).toBeGreaterThan(45);
  expect(Math.max(...counts.values())).toBeLessThan(20);
});

it('what is given back is there for the next', () => {
  const pace = new Pace(2, 0, chance());
  for (let n = 0; n < 100; n += 1) {
    expect(pace.ask(0)).toBe(0);
    pace.giveBack();
  }
  expect([pace.ask(0), pace.ask(0)]).toEqual([0, 0]);
  expect(pace.ask(0)).toBeGreaterThan(0);
});
