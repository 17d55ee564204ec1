import type { Heartbeat } from './feed-frame.js';
import { comparePositions } from './position.js';
import type { Position } from './position.js';
import type { Instant } from './instant.js';

/**
 * How far a reading may lie ahead of the wall clock, milliseconds. With a clock that is slower, tokens would be accepted that have
 * ended and whose revocations identity has forgotten.
 */
const LONGEST_LEAD_MS = 60_000;

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

  /** The larger of the wall clock's distance to the database read and the time since arrival; infinite before the first, and with a slow wall clock. */
  ageMs(now: Instant): number {
    return this.#value ? ageMs(this.#value, this.#arrivedMs, now) : Number.POSITIVE_INFINITY;
  }

  /** Whether the wall clock is so slow that no reading counts. */
  showsSlowClock(now: Instant): boolean {
    return this.#value !== undefined && isAhead(this.#value, now);
  }
}

function isAhead({ readAt }: Heartbeat, now: Instant): boolean {
  return readAt * 1000 - now.wallMs > LONGEST_LEAD_MS;
}

function headOf({ epoch, head }: Heartbeat): Position {
  return { epoch, seq: head };
}

function ageMs(heartbeat: Heartbeat, arrivedMs: number, now: Instant): number {
  if (isAhead(heartbeat, now)) return Number.POSITIVE_INFINITY;
  return Math.max(now.wallMs - heartbeat.readAt * 1000, now.monotonicMs - arrivedMs);
}
