import type { Ids } from '../../platform/ids.js';

/** Of the pace, how much is promised to those who were told to come again; the rest is for others. */
const PROMISED_SHARE = 0.8;
/** Nobody is told to wait for longer: who comes then finds the next promise. Seconds. */
const LONGEST_WAIT = 60;
const CHANCES = 2 ** 30;

/** Chance for a {@link Pace}. */
export function chanceFrom(ids: Pick<Ids, 'below'>): () => number {
  return () => ids.below(CHANCES) / CHANCES;
}

/**
 * A steady pace: so many a second, at most those of one second at once. Whoever must wait is told a moment of their own, so that
 * a crowd comes back spread out as wide as it takes. Holds three numbers, however large the crowd. Times are in seconds.
 */
export class Pace {
  #left: number;
  #at: number;
  /** Up to when moments have been promised. */
  #promised = 0;

  /** @param random from 0 up to 1 */
  constructor(
    private readonly perSecond: number,
    now: number,
    private readonly random: () => number,
  ) {
    this.#left = perSecond;
    this.#at = now;
  }

  /** @returns 0 for one who may go on, otherwise in how many whole seconds to come again */
  ask(now: number): number {
    this.#left = Math.min(this.perSecond, this.#left + (now - this.#at) * this.perSecond);
    this.#at = now;
    if (this.#left >= 1) {
      this.#left -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil(this.#promise(now) - now));
  }

  /** One that was let in was nobody's: it takes nothing from the others. */
  giveBack(): void {
    this.#left = Math.min(this.perSecond, this.#left + 1);
  }

  #promise(now: number): number {
    const next = Math.max(now, this.#promised) + 1 / (this.perSecond * PROMISED_SHARE);
    // Who does not wait must not push the others back without end.
    if (next > now + LONGEST_WAIT) return now + (LONGEST_WAIT * (1 + this.random())) / 2;
    this.#promised = next;
    // By chance, so that those who were told one after the other do not come in step.
    return next + this.random();
  }
}
