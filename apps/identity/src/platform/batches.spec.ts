import { jest } from '@jest/globals';
import { Batches } from './batches.js';

/** What is asked, batch by batch, and a way to answer the first that has not been. */
function start(limits = { atOnce: 1, most: 3, patienceMs: 60_000 }) {
  const asked: (readonly number[])[] = [];
  const open: { done: (answers: readonly string[]) => void; fail: (error: Error) => void }[] = [];
  const batches = new Batches<number, string>((asks) => {
    asked.push(asks);
    return new Promise((done, fail) => open.push({ done, fail }));
  }, limits);
  const settle = () => new Promise(setImmediate);
  return {
    ask: (ask: number) => batches.ask(ask),
    asked,
    answer: async (...answers: string[]) => {
      open.shift()?.done(answers);
      await settle();
    },
    fail: async (error: Error) => {
      open.shift()?.fail(error);
      await settle();
    },
  };
}

it('one is done at once, and who comes meanwhile is done together', async () => {
  const { ask, asked, answer } = start();
  const answers = [1, 2, 3, 4, 5].map(ask);
  expect(asked).toEqual([[1]]);
  await answer('a');
  expect(asked).toEqual([[1], [2, 3, 4]]);
  await answer('b', 'c', 'd');
  expect(asked).toEqual([[1], [2, 3, 4], [5]]);
  await answer('e');
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd', 'e']);
  void ask(6);
  expect(asked.at(-1)).toEqual([6]);
});

it('as many batches as may are under way at once', async () => {
  const { ask, asked, answer } = start({ atOnce: 2, most: 3, patienceMs: 60_000 });
  for (const n of [1, 2, 3, 4]) void ask(n);
  expect(asked).toEqual([[1], [2]]);
  await answer('a');
  expect(asked).toEqual([[1], [2], [3, 4]]);
});

it('a batch that fails fails all of its own, and nobody else', async () => {
  const { ask, fail, answer } = start();
  const outcomes = Promise.allSettled([1, 2, 3, 4, 5].map(ask));
  await answer('a');
  await fail(new Error('away'));
  await answer('e');
  expect((await outcomes).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
});

it('what takes too long keeps nobody waiting, and is answered all the same', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  try {
    const { ask, asked, answer } = start({ atOnce: 1, most: 3, patienceMs: 25 });
    const [slow, second] = [ask(1), ask(2), ask(3)];
    jest.advanceTimersByTime(24);
    expect(asked).toEqual([[1]]);
    jest.advanceTimersByTime(1);
    expect(asked).toEqual([[1], [2, 3]]);
    await answer('a');
    // It has given way before: it must not make room a second time.
    void ask(4);
    expect(asked).toHaveLength(2);
    await answer('b', 'c');
    expect(asked.at(-1)).toEqual([4]);
    expect(await Promise.all([slow, second])).toEqual(['a', 'b']);
  } finally {
    jest.useRealTimers();
  }
});
