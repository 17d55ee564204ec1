interface Waiting<Ask, Answer> {
  readonly ask: Ask;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what is asked in one turn of the event loop and while something is under way, and does it together: so one is never kept
 * waiting for others, and many cost less than as many single ones.
 */
export class Batches<Ask, Answer> {
  readonly #waiting: Waiting<Ask, Answer>[] = [];
  #underWay = 0;
  #isToBegin = false;

  /**
   * @param run answers in the order of `asks`, one or many; when it fails, all of them fail
   * @param limits.atOnce so many batches are under way at most
   * @param limits.most so many are in a batch at most
   * @param limits.patienceMs what takes longer than that keeps nobody waiting: it does not count as under way any more
   */
  constructor(
    private readonly run: (asks: readonly Ask[]) => Promise<readonly Answer[]>,
    private readonly limits: {
      readonly atOnce: number;
      readonly most: number;
      readonly patienceMs: number;
    },
  ) {}

  ask(ask: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ask, resolve, reject });
      if (this.#isToBegin) return;
      this.#isToBegin = true;
      setImmediate(() => {
        this.#isToBegin = false;
        this.#begin();
      });
    });
  }

  #begin(): void {
    while (this.#underWay < this.limits.atOnce && this.#waiting.length > 0) {
      this.#underWay += 1;
      void this.#answer(this.#waiting.splice(0, this.limits.most));
    }
  }

  async #answer(batch: readonly Waiting<Ask, Answer>[]): Promise<void> {
    let counts = true;
    const giveWay = () => {
      if (!counts) return;
      counts = false;
      this.#underWay -= 1;
      this.#begin();
    };
    const timer = setTimeout(giveWay, this.limits.patienceMs);
    try {
      const answers = await this.run(batch.map(({ ask }) => ask));
      if (answers.length !== batch.length) throw new TypeError('not an answer for each');
      for (const [n, { resolve }] of batch.entries()) resolve(answers[n] as Answer);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    clearTimeout(timer);
    giveWay();
  }
}
