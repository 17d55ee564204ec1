import type { Breach } from '../chaos/checker.js';
import type { Growth } from './growth.js';

/** What one process may gain in all after its warm-up, whatever the run's length: a limit for what comes in steps. */
export const GROWTH_LIMITS = { rssMb: 40, fds: 25 };

/**
 * What one process may gain a minute in the second half of a run of twenty minutes. Without garbage (see `collect-garbage.mjs`) processes
 * that leak nothing were seen to gain up to 0.45 MB a minute still after five minutes, as heaps settle; handles swing by a few.
 */
export const SLOPE_LIMITS = { rssMbPerMin: 0.75, fdsPerMin: 1 };
/** Measured for less than this a slope is mostly chance, so that more of it is allowed: always what would make the same gain. */
const FULL_HALF_MINUTES = 10;
/** Measured for less than this one swing may be all that is seen: twice the gain is allowed. */
const ONE_SWING_MINUTES = 2;

/** All that was seen in a run. */
export interface Seen {
  readonly minutes: number;
  readonly requests: number;
  readonly faults: number;
  readonly rotations: number;
  /** As the checker of the chaos tests finds them. */
  readonly breaches: readonly Breach[];
  /** 5xx, or no answer, that no fault explains. */
  readonly unexpected: readonly string[];
  /** Good credentials that were refused. */
  readonly refusals: readonly string[];
  readonly growths: readonly Growth[];
}

export interface Verdict {
  /** For machines. */
  readonly line: string;
  /** Each with a reason; none: all was well. */
  readonly failures: readonly string[];
}

/** Counts what was broken, and says whether that is too much. */
export function verdictOf(seen: Seen): Verdict {
  const of = (...kinds: Breach['kind'][]) =>
    seen.breaches.filter(({ kind }) => kinds.includes(kind)).map(({ text }) => text);
  const wrongAccepts = of('wrong_accept');
  const lost = [...new Set(of('lost'))];
  const refusals = [...of('wrong_refusal'), ...seen.refusals];
  const unexpected = [...of('not_healed', 'broken'), ...seen.unexpected];
  const most = (valueOf: (growth: Growth) => number) => Math.max(...seen.growths.map(valueOf));
  const figures = {
    minutes: seen.minutes.toFixed(1),
    requests: seen.requests,
    wrong_accepts: wrongAccepts.length,
    lost: lost.length,
    unexpected_5xx: unexpected.length,
    rss_growth_mb: most(({ rssMb }) => rssMb).toFixed(1),
    fd_growth: most(({ fds }) => fds).toFixed(1),
    rss_mb_per_min: most(({ half }) => half.rssMbPerMin).toFixed(2),
    fds_per_min: most(({ half }) => half.fdsPerMin).toFixed(2),
    wrong_refusals: refusals.length,
    faults: seen.faults,
    rotations: seen.rotations,
  };
  return {
    line: Object.entries(figures)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
    failures: [
      ...counted([...wrongAccepts, ...lost, ...refusals, ...unexpected]),
      ...seen.growths.flatMap(leaksOf),
      ...(seen.growths.length === 0 ? ['no process lived long enough to be measured'] : []),
      ...(seen.faults === 0 ? ['nothing was broken'] : []),
    ],
  };
}

/** Each sentence once, with how often it was said. */
function counted(sentences: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const sentence of sentences) counts.set(sentence, (counts.get(sentence) ?? 0) + 1);
  return [...counts].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`));
}

function leaksOf({ name, measuredMs, rssMb, fds, half }: Growth): string[] {
  const during = `in ${(measuredMs / 60_000).toFixed(1)} min`;
  const { rssMbPerMin, fdsPerMin } = slopeLimits(half.minutes);
  const atTheEnd = `a minute in the last ${half.minutes.toFixed(1)} min`;
  return [
    ...(rssMb > GROWTH_LIMITS.rssMb ? [`${name} grew by ${rssMb.toFixed(1)} MB ${during}`] : []),
    ...(fds > GROWTH_LIMITS.fds ? [`${name} opened ${fds.toFixed(1)} handles ${during}`] : []),
    ...(half.rssMbPerMin > rssMbPerMin
      ? [`${name} gained ${half.rssMbPerMin.toFixed(2)} MB ${atTheEnd}`]
      : []),
    ...(half.fdsPerMin > fdsPerMin
      ? [`${name} gained ${half.fdsPerMin.toFixed(2)} handles ${atTheEnd}`]
      : []),
  ];
}

/** {@link SLOPE_LIMITS}, of what was measured for so long. */
export function slopeLimits(minutes: number): typeof SLOPE_LIMITS {
  const swing = minutes < ONE_SWING_MINUTES ? 2 : 1;
  const times = Math.max(1, FULL_HALF_MINUTES / minutes) * swing;
  return {
    rssMbPerMin: SLOPE_LIMITS.rssMbPerMin * times,
    fdsPerMin: SLOPE_LIMITS.fdsPerMin * times,
  };
}

/** What each process has gained a minute at the end, for people. */
export function slopesInWords(growths: readonly Growth[]): string[] {
  return growths.map(
    ({ name, half: { minutes, rssMbPerMin, fdsPerMin } }) =>
      `${name}: ${rssMbPerMin.toFixed(2)} MB and ${fdsPerMin.toFixed(2)} handles a minute in the last ${minutes.toFixed(1)} min ` +
      `(at most ${slopeLimits(minutes).rssMbPerMin.toFixed(2)} and ${slopeLimits(minutes).fdsPerMin.toFixed(2)})`,
  );
}

/** What a service that does wrong on purpose must be told of, and how that is said. */
export const CAUGHT_BY_SELF_CHECK = [
  ['an accept after a receipt', /was accepted .* after its receipt/],
  ['a lost revocation', /at the end although it was revoked/],
  ['memory that is never let go', / gained .* MB a minute /],
  ['handles that are never closed', / gained .* handles a minute /],
] as const;
