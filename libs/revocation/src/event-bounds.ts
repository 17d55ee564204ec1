const MAX_ID_LENGTH = 256;
/** Longest life of an entry that is believed, seconds: far above any access-token lifetime. */
const MAX_LIFE_SECONDS = 366 * 24 * 3600;
/** How far a cut-off may lie after the commit that carries it, seconds. */
const MAX_CUTOFF_LEAD_SECONDS = 60;
/** How far a commit may lie after the reader's own time, seconds. With clocks that far apart no token verifies either. */
const MAX_COMMIT_LEAD_SECONDS = 24 * 3600;

/** The members of a revocation event that have bounds. Instants are NumericDate seconds. */
export interface Bounded {
  readonly id: string;
  readonly at: number;
  readonly cutoff?: number;
  readonly expiresAt: number | null;
}

/**
 * What is beyond belief in an event, or `undefined`. An entry that nobody would write must not refuse everybody's tokens, nor
 * stay for ever. The text names the member, never its value.
 *
 * @param nowSeconds the reader's wall clock, when it is known
 */
export function boundsFault(event: Bounded, nowSeconds = Infinity): string | undefined {
  const { id, at, cutoff, expiresAt } = event;
  if (id.length === 0 || id.length > MAX_ID_LENGTH) {
    return `id is not a string of 1 to ${String(MAX_ID_LENGTH)} characters`;
  }
  if (at > nowSeconds + MAX_COMMIT_LEAD_SECONDS) return 'at lies in the future';
  if (cutoff !== undefined && cutoff > at + MAX_CUTOFF_LEAD_SECONDS) {
    return 'cutoff lies in the future of its commit';
  }
  if (expiresAt !== null && expiresAt > at + MAX_LIFE_SECONDS) return 'expires_at is too far away';
  return undefined;
}
