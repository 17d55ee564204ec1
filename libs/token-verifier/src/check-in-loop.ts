import type { Position } from '@countersign/revocation';
import { backoffMs, pause } from './backoff.js';
import type { CheckInPort, CheckInReport } from './sources.js';

const IDLE_MS = 5_000;
const GOODBYE_MS = 1_000;

/**
 * Tells identity what this instance holds: at the start until it succeeds, at once after {@link soon}, otherwise every
 * five seconds; and a goodbye at the end. One report is under way at a time; what happens meanwhile goes into the next.
 */
export class CheckInLoop {
  #firstHead: Position | undefined;
  #lastError: string | undefined;
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(
    private readonly port: CheckInPort,
    private readonly report: () => CheckInReport,
    private readonly onFirstAnswer: () => void,
  ) {}

  /** The head that the first answer named: what must be applied before this instance is ready. */
  get firstHead(): Position | undefined {
    return this.#firstHead;
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Asks for a report now, because what it says has changed. */
  soon(): void {
    // abort() makes an exception with its stack each time, and a replay asks thousands of times.
    if (!this.#wake.signal.aborted) this.#wake.abort();
  }

  /** Stops, and says goodbye if there was ever an answer. Waits a second at most. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#running;
    if (!this.#firstHead) return;
    const enough = new AbortController();
    const goodbye = this.port
      .checkIn({ ...this.report(), goodbye: true }, enough.signal)
      .catch(() => undefined);
    await Promise.race([goodbye, pause(GOODBYE_MS, enough.signal)]);
    enough.abort();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      failures = (await this.#checkIn()) ? 0 : failures + 1;
      await pause(failures > 0 ? backoffMs(failures, IDLE_MS) : IDLE_MS, this.#wake.signal);
    }
  }

  async #checkIn(): Promise<boolean> {
    try {
      const { head } = await this.port.checkIn(this.report(), this.#stop.signal);
      this.#lastError = undefined;
      if (!this.#firstHead) {
        this.#firstHead = head;
        this.onFirstAnswer();
      }
      return true;
    } catch (error) {
      this.#lastError = (error as Error).message;
      return false;
    }
  }
}
