import { jest } from '@jest/globals';
import { CheckInLoop } from './check-in-loop.js';
import type { CheckInReport } from '../sources.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A loop on fake timers, whose port answers with `head` unless `broken`. */
function startLoop(wait: Promise<unknown> = Promise.resolve(), lapseMs = 60_000) {
  const clock = { wallMs: 0, monotonicMs: 0 };
  const reports: (CheckInReport & { at: number })[] = [];
  const answer = { seq: 7, broken: false, wait };
  let applied = 0;
  const loop = new CheckInLoop({
    port: {
      checkIn: async (report) => {
        reports.push({ ...report, at: jest.now() });
        await answer.wait;
        if (answer.broken) throw new Error('away');
        return { head: { epoch: 1, seq: answer.seq } };
      },
    },
    report: () => ({ instanceId: 'i', kids: [], applied: { epoch: 1, seq: applied } }),
    hasApplied: ({ seq }) => seq <= applied,
    now: () => ({ ...clock }),
    lapseMs,
    onJoined: () => undefined,
    onAnswered: () => undefined,
  });
  loop.start();
  const pass = async (ms: number) => {
    clock.wallMs += ms;
    clock.monotonicMs += ms;
    await jest.advanceTimersByTimeAsync(ms);
  };
  return { loop, clock, reports, answer, pass, apply: (seq: number) => void (applied = seq) };
}

it('gathers what changes within a quarter of a second into one report', async () => {
  const { loop, reports, pass, apply } = startLoop();
  await pass(0);
  for (let seq = 1; seq <= 20; seq += 1) {
    apply(seq);
    loop.soon();
    await pass(4);
  }
  expect(reports).toHaveLength(1);
  await pass(250);
  expect(reports.map(({ applied }) => applied?.seq)).toEqual([0, 20]);
  const closing = loop.close();
  await pass(0);
  await closing;
});

it('reports at once when somebody waits, also in the middle of gathering', async () => {
  const { loop, reports, pass, apply } = startLoop();
  await pass(1_000);
  apply(1);
  loop.soon();
  await pass(10);
  apply(2);
  loop.atOnce();
  await pass(0);
  expect(reports.at(-1)!.applied?.seq).toBe(2);
  const closing = loop.close();
  await pass(0);
  await closing;
});

it('what is wanted while a report is under way goes out right after it', async () => {
  const { loop, reports, answer, pass, apply } = startLoop();
  await pass(1_000);
  let release = (): void => undefined;
  answer.wait = new Promise<void>((resolve) => (release = resolve));
  loop.atOnce();
  await pass(0);
  apply(3);
  loop.atOnce();
  await pass(50);
  expect(reports.map(({ applied }) => applied?.seq)).toEqual([0, 0]);
  release();
  await pass(0);
  expect(reports.map(({ applied }) => applied?.seq)).toEqual([0, 0, 3]);
  const closing = loop.close();
  await pass(0);
  await closing;
});

it('reports every five seconds when nothing happens', async () => {
  const { loop, reports, pass } = startLoop();
  await pass(20_500);
  expect(reports.map(({ at }) => at - reports[0]!.at)).toEqual([0, 5_000, 10_000, 15_000, 20_000]);
  const closing = loop.close();
  await pass(0);
  await closing;
});

it('reports three times within a short limit, so that one lost report is no lapse', async () => {
  const { loop, reports, pass } = startLoop(undefined, 6_000);
  await pass(6_500);
  expect(reports.map(({ at }) => at - reports[0]!.at)).toEqual([0, 2_000, 4_000, 6_000]);
  const closing = loop.close();
  await pass(0);
  await closing;
});

it('tries again after failures, whatever fraction of a second the limit has', async () => {
  const { loop, reports, answer, pass } = startLoop(undefined, 2_003);
  answer.broken = true;
  await pass(3_000);
  expect(reports.length).toBeGreaterThan(3);
  const closing = loop.close();
  await pass(1_000);
  await closing;
});

it('keeps the head it joined at, and takes a new one when identity may have stopped counting on it', async () => {
  const { loop, clock, answer, pass } = startLoop();
  await pass(0);
  answer.seq = 8;
  await pass(20_000);
  expect(loop.joinedAt).toEqual({ epoch: 1, seq: 7 });
  answer.broken = true;
  await pass(61_000);
  expect(loop.hasLapsed(clock)).toBe(true);
  answer.broken = false;
  await pass(5_000);
  expect(loop.hasLapsed(clock)).toBe(false);
  expect(loop.joinedAt).toEqual({ epoch: 1, seq: 8 });
  const closing = loop.close();
  await pass(0);
  await closing;
});

it('a head that was answered and is not applied within the limit puts it behind, until it is; never at once', async () => {
  const { loop, clock, answer, pass, apply } = startLoop();
  const passSeconds = async (count: number) => {
    for (let n = 0; n < count; n += 1) await pass(1_000);
  };
  apply(7);
  await passSeconds(1);
  answer.seq = 8;
  await passSeconds(5);
  // It comes up to the first of them in time, and to a later one it does not.
  answer.seq = 9;
  await passSeconds(10);
  apply(8);
  await passSeconds(54);
  expect(loop.isBehind(clock)).toBe(false);
  await passSeconds(5);
  expect([loop.isBehind(clock), loop.hasLapsed(clock)]).toEqual([true, false]);
  apply(9);
  expect(loop.isBehind(clock)).toBe(false);
  const closing = loop.close();
  await pass(0);
  await closing;
});

it('an answer counts from when the report was sent, and by the clock that went further', async () => {
  const slow = new Promise((resolve) => setTimeout(resolve, 50_000));
  const { loop, clock, answer, pass } = startLoop(slow);
  await pass(50_000);
  expect(loop.hasLapsed({ ...clock, wallMs: clock.wallMs + 10_001 })).toBe(true);
  expect(loop.hasLapsed({ ...clock, wallMs: clock.wallMs + 9_999 })).toBe(false);
  answer.wait = Promise.resolve();
  const closing = loop.close();
  await pass(0);
  await closing;
});

it('says goodbye also when the first report was never answered: it may have arrived', async () => {
  const { loop, reports, answer, pass } = startLoop();
  answer.broken = true;
  await pass(0);
  answer.broken = false;
  const closing = loop.close();
  await pass(0);
  await closing;
  expect(reports.map(({ goodbye }) => goodbye)).toEqual([undefined, true]);
});
