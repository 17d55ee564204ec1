import { jest } from '@jest/globals';
import { soak } from './soak.js';
import { CAUGHT_BY_SELF_CHECK } from './verdict.js';

jest.setTimeout(400_000);

/** Lines of a run that failed, with its seed. */
async function run(minutes: number, isBroken = false) {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const lines = [`seed ${String(seed)}`];
  const { failures, line } = await soak({
    minutes,
    seed,
    isBroken,
    say: (text) => void lines.push(text),
  });
  return { failures, line, log: [...lines, ...failures, line].join('\n') };
}

it('a minute of mixed load while one thing after another breaks: every promise is kept', async () => {
  const { failures, line, log } = await run(1.1);
  expect(failures.length === 0 ? [] : [log]).toEqual([]);
  expect(line).toMatch(
    /^minutes=\d+\.\d requests=\d{3,} wrong_accepts=0 lost=0 unexpected_5xx=0 rss_growth_mb=\S+ fd_growth=\S+ rss_mb_per_min=\S+ fds_per_min=\S+ wrong_refusals=0 faults=[1-9] rotations=[1-9]/,
  );
});

it('a service that accepts after its receipt, and leaks, is noticed', async () => {
  const { failures, log } = await run(0.7, true);
  const missed = CAUGHT_BY_SELF_CHECK.filter(([, said]) => !failures.some((one) => said.test(one)));
  expect(missed.length === 0 ? [] : [missed, log]).toEqual([]);
});
