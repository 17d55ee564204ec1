import { randomInt } from 'node:crypto';

/**
 * How long to wait before try number `attempt` (1 = the first repetition): exponential, and jittered between half and all of it, so that a
 * fleet that lost its issuer does not come back in step.
 *
 * @returns milliseconds, at most `maxMs`
 */
export function backoffMs(attempt: number, maxMs: number): number {
  const ceiling = Math.min(maxMs, 100 * 2 ** Math.min(attempt, 16));
  return randomInt(Math.floor(ceiling / 2), ceiling + 1);
}

/** The longest that a timer counts, 24 days; beyond, it would not wait at all. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits 24 days at most, or returns early when `signal` is aborted. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, MAX_TIMER_MS));
    signal.addEventListener('abort', done);
  });
}
