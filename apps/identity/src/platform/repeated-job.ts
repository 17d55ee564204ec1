import type { OutageLog } from '@countersign/service-host';

/** Does something again and again in the background, one turn at a time, until it is stopped. A turn that fails is followed by others. */
export class RepeatedJob {
  #repeating: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly turn: () => Promise<unknown>,
    private readonly outages: OutageLog,
  ) {}

  start(everyMs: number): void {
    this.#repeating = setInterval(() => {
      this.#running ??= this.#run();
    }, everyMs);
    this.#repeating.unref();
  }

  /** Waits for a turn under way. */
  async stop(): Promise<void> {
    clearInterval(this.#repeating);
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.turn();
      this.outages.worked();
    } catch (error) {
      this.outages.failed(error);
    } finally {
      this.#running = undefined;
    }
  }
}
