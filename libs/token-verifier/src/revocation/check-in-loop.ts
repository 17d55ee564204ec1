import { randomInt } from 'node:crypto';
import { comparePositions } from '@countersign/revocation';
import type { Instant, Position } from '@countersign/revocation';
import { backoffMs, pause } from '../fetching/backoff.js';
import type { CheckInPort, CheckInReport } from '../sources.js';

/** At most so long between two reports, and three within the time in which one must be answered. */
const IDLE_MS = 5_000;
const REPORTS_PER_LAPSE = 3;
/** What changes within so long goes into one report; drawn anew each time, so that a fleet does not report in step. */
const GATHER_MS = { min: 100, max: 250 } as const;
const GOODBYE_MS = 1_000;

/** What the loop works with. */
export interface CheckInLoopParts {
  readonly port: CheckInPort;
  readonly report: () => CheckInReport;
  /** Whether this instance has come up to a head. */
  readonly hasApplied: (head: Position) => boolean;
  readonly now: () => Instant;
  /** How long an instance may go on after it sent the last report that was answered, milliseconds. */
  readonly lapseMs: number;
  /** Called when there is a new head to come up to. */
  readonly onJoined: () => void;
  /** Called when identity has stored a report. */
  readonly onAnswered: (report: CheckInReport) => void;
}

/**
 * Tells identity what this instance holds: at the start until it succeeds, at once after {@link atOnce}, within a quarter of
 * a second after {@link soon}, otherwise every five seconds or more often; and a goodbye at the end. One report is under way at a time; what
 * happens meanwhile goes into the next.
 */
export class CheckInLoop {
  #head: Position | undefined;
  /** Heads of later answers that are not applied yet, oldest first, each with the moment before the report was sent. */
  readonly #ahead: { readonly head: Position; readonly sent: Instant }[] = [];
  #answered: Instant | undefined;
  /** Whether a report may have reached identity, answered or not. */
  #reported = false;
  #lastError: string | undefined;
  #wake = new AbortController();
  #hurry = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(private readonly parts: CheckInLoopParts) {}

  /** What must be applied before this instance may answer: the head that it was told when it joined or joined again. */
  get joinedAt(): Position | undefined {
    return this.#head;
  }

  /**
   * Whether the last answered report is so old that identity may soon count on this instance no more: receipts would be
   * complete without it. Reckoned from before the report was sent, by whichever clock went further.
   */
  hasLapsed(now: Instant): boolean {
    return !this.#answered || this.#isLongAgo(this.#answered, now);
  }

  /**
   * Whether a head that identity answered with has not been applied for as long as an instance may go on unheard. Its sources are
   * cut off then, whatever heartbeats still come from them.
   */
  isBehind(now: Instant): boolean {
    if (this.#ahead.length === 0) return false;
    this.#forgetApplied();
    const oldest = this.#ahead[0];
    return oldest !== undefined && this.#isLongAgo(oldest.sent, now);
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Asks for a report, because what it says has changed. */
  soon(): void {
    // abort() makes an exception with its stack each time, and a replay asks thousands of times.
    if (!this.#wake.signal.aborted) this.#wake.abort();
  }

  /** Asks for a report now, because somebody waits for it. */
  atOnce(): void {
    if (!this.#hurry.signal.aborted) this.#hurry.abort();
    this.soon();
  }

  /** Stops, and says goodbye if identity may have heard of this instance. Waits a second at most, half of one for who never answered. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.atOnce();
    await this.#running;
    if (!this.#reported) return;
    const enough = new AbortController();
    const goodbye = this.parts.port
      .checkIn({ ...this.parts.report(), goodbye: true }, enough.signal)
      .catch(() => undefined);
    await Promise.race([goodbye, pause(this.#head ? GOODBYE_MS : GOODBYE_MS / 2, enough.signal)]);
    enough.abort();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      this.#hurry = new AbortController();
      failures = (await this.#checkIn()) ? 0 : failures + 1;
      const idleMs = Math.min(IDLE_MS, Math.floor(this.parts.lapseMs / REPORTS_PER_LAPSE));
      await pause(failures > 0 ? backoffMs(failures, idleMs) : idleMs, this.#wake.signal);
      if (this.#wake.signal.aborted) {
        await pause(randomInt(GATHER_MS.min, GATHER_MS.max), this.#hurry.signal);
      }
    }
  }

  async #checkIn(): Promise<boolean> {
    const sent = this.parts.now();
    this.#reported = true;
    try {
      const report = this.parts.report();
      const { head } = await this.parts.port.checkIn(report, this.#stop.signal);
      this.parts.onAnswered(report);
      this.#lastError = undefined;
      const joining = this.hasLapsed(this.parts.now());
      this.#answered = sent;
      if (joining) {
        this.#head = head;
        this.parts.onJoined();
      } else this.#noteAhead(head, sent);
      return true;
    } catch (error) {
      this.#lastError = (error as Error).message;
      return false;
    }
  }

  #noteAhead(head: Position, sent: Instant): void {
    // Who is behind already need not remember more.
    if (this.parts.hasApplied(head) || this.isBehind(sent)) return;
    const newest = this.#ahead.at(-1)?.head;
    if (!newest || comparePositions(head, newest) > 0) this.#ahead.push({ head, sent });
  }

  #forgetApplied(): void {
    while (this.#ahead[0] && this.parts.hasApplied(this.#ahead[0].head)) this.#ahead.shift();
  }

  #isLongAgo({ wallMs, monotonicMs }: Instant, now: Instant): boolean {
    return Math.max(now.wallMs - wallMs, now.monotonicMs - monotonicMs) > this.parts.lapseMs;
  }
}
