/** A part of the installation that a fault may keep from answering. */
export type Part = 'identity' | 'orders' | 'payments';

/** So long after a fault is over 503 is expected still, milliseconds. */
export const RECOVERY_MS = 15_000;

/** When what was broken, and so which answers are no breach. */
export class Disturbances {
  readonly #all: { readonly parts: readonly Part[]; readonly began: number; ended: number }[] = [];

  /** @returns tells that it is over */
  begin(parts: readonly Part[], now = performance.now()): (now?: number) => void {
    const disturbance = { parts, began: now, ended: Infinity };
    this.#all.push(disturbance);
    return (over = performance.now()) => (disturbance.ended = over);
  }

  /**
   * Whether a request that needs `parts` may have been answered so.
   *
   * @param status 0: no answer
   */
  allow(status: number, parts: readonly Part[], began: number, ended: number): boolean {
    if (status !== 0 && status < 500) return true;
    if (status !== 0 && status !== 503) return false;
    return this.#all.some(
      (one) =>
        parts.some((part) => one.parts.includes(part)) &&
        ended >= one.began &&
        began <= one.ended + RECOVERY_MS,
    );
  }
}
