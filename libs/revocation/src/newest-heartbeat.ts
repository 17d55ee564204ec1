import type { Heartbeat } from './feed-frame.js';
import type { Instant } from './instant.js';

/** The youngest heartbeat whose head has been applied. */
export class NewestHeartbeat {
  #value: Heartbeat | undefined;
  /** On the monotonic clock. */
  #arrivedMs = 0;

  get value(): Heartbeat | undefined {
    return this.#value;
  }

  /** Whichever is younger wins: not a repeated one, nor must a database clock that was set back lose for long. */
  offer(heartbeat: Heartbeat, now: Instant): void {
    if (ageMs(heartbeat, now.monotonicMs, now) > this.ageMs(now)) return;
    this.#value = heartbeat;
    this.#arrivedMs = now.monotonicMs;
  }

  /** The larger of the wall clock's distance to the database read and the time since arrival; infinite before the first. */
  ageMs(now: Instant): number {
    return this.#value ? ageMs(this.#value, this.#arrivedMs, now) : Number.POSITIVE_INFINITY;
  }
}

function ageMs({ readAt }: Heartbeat, arrivedMs: number, now: Instant): number {
  return Math.max(now.wallMs - readAt * 1000, now.monotonicMs - arrivedMs);
}
