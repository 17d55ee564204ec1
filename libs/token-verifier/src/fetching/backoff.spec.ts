import { backoffMs, pause } from './backoff.js';

it('waits grow from failure to failure up to a limit, and differ between instances', () => {
  for (let attempt = 1; attempt <= 40; attempt += 1) {
    const ceiling = Math.min(30_000, 100 * 2 ** attempt);
    const waits = Array.from({ length: 200 }, () => backoffMs(attempt, 30_000));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(ceiling / 2);
    expect(Math.max(...waits)).toBeLessThanOrEqual(ceiling);
    expect(new Set(waits).size).toBeGreaterThan(20);
  }
});

it('a pause ends with its signal, also when that was given before', async () => {
  const stop = new AbortController();
  const pausing = pause(60_000, stop.signal);
  stop.abort();
  await pausing;
  await pause(60_000, stop.signal);
});

it('a pause that is longer than a timer can count is long', async () => {
  const stop = new AbortController();
  const pausing = pause(30 * 24 * 3600 * 1000, stop.signal).then(() => 'over');
  const soon = pause(50, stop.signal).then(() => 'not over');
  await expect(Promise.race([pausing, soon])).resolves.toBe('not over');
  stop.abort();
});
