/** Does something again and again in the background, one turn at a time, until it is stopped. A turn that fails is followed by others. */
export class RepeatedJob {
  #repeating: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly turn: () => Promise<unknown>,
    private readonly onError: (error: unknown) => void,
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
    } catch (error) {
      this.onError(error);
    } finally {
      this.#running = undefined;
    }
  }
}
