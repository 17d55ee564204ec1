import type { Freshness } from '@countersign/revocation';
import { backoffMs } from '../fetching/backoff.js';

/** Ages of a key set, seconds: refreshed in the background, then an alarm, then no longer used at all. */
export interface KeyAges {
  readonly refreshSeconds: number;
  readonly softSeconds: number;
  readonly hardSeconds: number;
}

export const DEFAULT_KEY_AGES: KeyAges = {
  refreshSeconds: 300,
  softSeconds: 900,
  hardSeconds: 12 * 3600,
};

/** However short the issuer says its keys may be cached, they are not asked for more often in the background. */
const MIN_REFRESH_MS = 30_000;

/** `late` past the soft age, `stale` past the hard one. */
export function keyFreshness(ageSeconds: number, ages: KeyAges): Freshness {
  if (ageSeconds > ages.hardSeconds) return 'stale';
  return ageSeconds > ages.softSeconds ? 'late' : 'fresh';
}

/**
 * When to refresh a good set: after the refresh age, or sooner if the issuer says so (`max-age`), but not below half a minute for
 * that. Less up to a fifth by chance, so that many instances do not ask in step.
 *
 * @returns milliseconds
 */
export function refreshDelayMs(ages: KeyAges, maxAgeSeconds: number | undefined): number {
  const asked = (maxAgeSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  const whole = Math.min(ages.refreshSeconds * 1000, Math.max(MIN_REFRESH_MS, asked));
  return whole - backoffMs(16, Math.ceil(whole / 5));
}
