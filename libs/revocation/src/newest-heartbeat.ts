import type { Heartbeat } from './feed-frame.js';
import { comparePositions } from './position.js';
import type { Position } from './position.js';
import type { Instant } from './instant.js';

/** The youngest heartbeat whose head has been applied. */
export class NewestHeartbeat {
  #value: Heartbeat | undefined;
  /** On the monotonic clock. */
  #arrivedMs = 0;

  get value(): Heartbeat | undefined {
    return this.#value;
  }

  /**
   * Whichever is younger wins: not a repeated one, nor must a database clock that was set back lose for long. A head that has
   * fallen proves nothing: history was lost, and the proof of what it was is what shows that to identity.
   */
  offer(heartbeat: Heartbeat, now: Instant): void {
    if (this.#value && comparePositions(headOf(heartbeat), headOf(this.#value)) < 0) return;
    if (ageMs(heartbeat, now.monotonicMs, now) > this.ageMs(now)) return;
    this.#value = heartbeat;
    this.#arrivedMs = now.monotonicMs;
  }

  /** The larger of the wall clock's distance to the database read and the time since arrival; infinite before the first. */
  ageMs(now: Instant): number {
    return this.#value ? ageMs(this.#value, this.#arrivedMs, now) : Number.POSITIVE_INFINITY;
  }
}

function headOf({ epoch, head }: Heartbeat): Position {
  return { epoch, seq: head };
}

function ageMs({ readAt }: Heartbeat, arrivedMs: number, now: Instant): number {
  return Math.max(now.wallMs - readAt * 1000, now.monotonicMs - arrivedMs);
}
