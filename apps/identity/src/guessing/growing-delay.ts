/** When wrong passwords for one account begin to make the next attempt wait, and for how long at most. */
export interface DelayPolicy {
  readonly freeFailures: number;
  readonly firstSeconds: number;
  readonly longestSeconds: number;
}

/**
 * How long the next attempt has to wait after failure number `overdone`, counted from the last one that was free: twice as
 * long with each.
 *
 * @returns whole seconds
 */
export function delayAfter(
  overdone: number,
  { firstSeconds, longestSeconds }: DelayPolicy,
): number {
  return Math.min(longestSeconds, firstSeconds * 2 ** Math.min(overdone - 1, 30));
}

/** For how long failures are remembered, from the first on: longer than any wait, so that waiting alone forgets little. */
export function memorySeconds({ longestSeconds }: DelayPolicy): number {
  return 4 * longestSeconds;
}
