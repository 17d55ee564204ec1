/** Asks over and over until it is stopped, in so many places at once. */
export interface Stream<Answer> {
  /** All answers so far; `startedAt` is when the question was sent, of `performance.now()`. */
  readonly answers: readonly { readonly startedAt: number; readonly answer: Answer }[];
  stop(): Promise<void>;
}

export function startStream<Answer>(places: number, ask: () => Promise<Answer>): Stream<Answer> {
  const answers: { startedAt: number; answer: Answer }[] = [];
  let stopped = false;
  const all = Array.from({ length: places }, async () => {
    while (!stopped) {
      const startedAt = performance.now();
      answers.push({ startedAt, answer: await ask() });
    }
  });
  return {
    answers,
    async stop() {
      stopped = true;
      await Promise.all(all);
    },
  };
}
