import type { Breach } from '../chaos/checker.js';
import type { Growth } from './growth.js';

/** What one process may gain in a run along its straight line, whatever the run's length: heaps and connections come and go. */
export const GROWTH_LIMITS = { rssMb: 40, fds: 25 };

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

function leaksOf({ name, measuredMs, rssMb, fds }: Growth): string[] {
  const during = `in ${(measuredMs / 60_000).toFixed(1)} min`;
  return [
    ...(rssMb > GROWTH_LIMITS.rssMb ? [`${name} grew by ${rssMb.toFixed(1)} MB ${during}`] : []),
    ...(fds > GROWTH_LIMITS.fds ? [`${name} opened ${fds.toFixed(1)} handles ${during}`] : []),
  ];
}

/** What a service that does wrong on purpose must be told of, and how that is said. */
export const CAUGHT_BY_SELF_CHECK = [
  ['an accept after a receipt', /was accepted .* after its receipt/],
  ['a lost revocation', /at the end although it was revoked/],
  ['memory that is never let go', / grew by /],
  ['handles that are never closed', / opened .* handles /],
] as const;
