import { jest } from '@jest/globals';
import { Batches } from './batches.js';

const turn = () => new Promise(setImmediate);

/** What is asked, batch by batch, and a way to answer the first that has not been. */
function start(limits = { atOnce: 1, most: 3, patienceMs: 60_000 }) {
  const asked: (readonly number[])[] = [];
  const open: { done: (answers: readonly string[]) => void; fail: (error: Error) => void }[] = [];
  const batches = new Batches<number, string>((asks) => {
    asked.push(asks);
    return new Promise((done, fail) => open.push({ done, fail }));
  }, limits);
  return {
    ask: (ask: number) => batches.ask(ask),
    asked,
    answer: async (...answers: string[]) => {
      open.shift()?.done(answers);
      await turn();
    },
    fail: async (error: Error) => {
      open.shift()?.fail(error);
      await turn();
    },
  };
}

it('who asks in one turn is done together, and so is who comes meanwhile', async () => {
  const { ask, asked, answer } = start();
  const answers = [1, 2].map(ask);
  await turn();
  answers.push(...[3, 4, 5, 6].map(ask));
  await turn();
  expect(asked).toEqual([[1, 2]]);
  await answer('a', 'b');
  expect(asked).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  await answer('c', 'd', 'e');
  expect(asked.at(-1)).toEqual([6]);
  await answer('f');
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  void ask(7);
  await turn();
  expect(asked.at(-1)).toEqual([7]);
  await answer('g');
});

it('as many batches as may are under way at once', async () => {
  const { ask, asked, answer } = start({ atOnce: 2, most: 2, patienceMs: 60_000 });
  for (const n of [1, 2, 3, 4, 5]) void ask(n);
  await turn();
  expect(asked).toEqual([
    [1, 2],
    [3, 4],
  ]);
  await answer('a', 'b');
  expect(asked.at(-1)).toEqual([5]);
  await answer('c', 'd');
  await answer('e');
});

it('a batch that fails fails all of its own, and nobody else', async () => {
  const { ask, fail, answer } = start();
  const outcomes = Promise.allSettled([1, 2, 3, 4, 5, 6, 7].map(ask));
  await turn();
  await answer('a', 'b', 'c');
  await fail(new Error('away'));
  await answer('g');
  expect((await outcomes).map(({ status }) => status)).toEqual([
    ...Array<string>(3).fill('fulfilled'),
    ...Array<string>(3).fill('rejected'),
    'fulfilled',
  ]);
});

it('what takes too long keeps nobody waiting, and is answered all the same', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  try {
    const { ask, asked, answer } = start({ atOnce: 1, most: 2, patienceMs: 25 });
    const [slow] = [ask(1), ask(2)];
    await turn();
    const third = ask(3);
    await turn();
    jest.advanceTimersByTime(24);
    expect(asked).toEqual([[1, 2]]);
    jest.advanceTimersByTime(1);
    expect(asked).toEqual([[1, 2], [3]]);
    await answer('a', 'b');
    // It has given way before: it must not make room a second time.
    void ask(4);
    await turn();
    expect(asked).toHaveLength(2);
    await answer('c');
    expect(asked.at(-1)).toEqual([4]);
    expect(await Promise.all([slow, third])).toEqual(['a', 'c']);
  } finally {
    jest.useRealTimers();
  }
});
