import type { Logger } from './logger.js';
import { reasonOf } from './reason.js';

/** What is told when something begins to fail, and when it works again. */
export interface OutageWords {
  readonly fails: string;
  readonly worksAgain: string;
}

/**
 * Tells the log of something that is done again and again when it begins to fail, with the reason, and when it works again, with how long that
 * lasted. What fails for something else that is away is told without a stack: there is nothing to mend in it.
 */
export class OutageLog {
  #failingSince: number | undefined;
  #failures = 0;

  constructor(
    private readonly logger: Pick<Logger, 'warn' | 'info'>,
    private readonly words: OutageWords,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  failed(error: unknown): void {
    this.#failures += 1;
    if (this.#failingSince !== undefined) return;
    this.#failingSince = this.nowMs();
    const isExplained = (error as { cause?: unknown } | null | undefined)?.cause !== undefined;
    this.logger.warn(
      { reason: reasonOf(error), ...(isExplained ? {} : { err: error }) },
      this.words.fails,
    );
  }

  worked(): void {
    if (this.#failingSince === undefined) return;
    const seconds = Math.round((this.nowMs() - this.#failingSince) / 100) / 10;
    this.logger.info({ seconds, failures: this.#failures }, this.words.worksAgain);
    this.#failingSince = undefined;
    this.#failures = 0;
  }
}
