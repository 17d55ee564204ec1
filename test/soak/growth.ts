/** What a process held at one moment. */
export interface Usage {
  /** On the clock of `performance.now()`. */
  readonly at: number;
  readonly rssMb: number;
  readonly fds: number;
}

/** One process from its start to its end, or to now. */
export interface Life {
  readonly name: string;
  readonly samples: readonly Usage[];
}

/** What a life has gained along the straight line through its samples. */
export interface Growth {
  readonly name: string;
  readonly measuredMs: number;
  readonly rssMb: number;
  readonly fds: number;
  /** In the second half of the run, when caches, heaps and compiled code have their size: what still grows then is a leak. */
  readonly half: {
    readonly minutes: number;
    readonly rssMbPerMin: number;
    readonly fdsPerMin: number;
  };
}

/** When processes are measured, on the clock of the samples. */
export interface Measuring {
  /** The first part of each life says nothing: code is compiled then, and heaps reach their size. */
  readonly warmUpMs: number;
  /** Where the second half of the run begins. */
  readonly halfAt: number;
  /** Who was seen for less of that half says nothing. */
  readonly enoughMs: number;
}

/**
 * The slope of points: the median of the slopes between any two of them (Theil and Sen). A peak, or where in its saw-tooth a collector
 * happens to be, hardly changes it. 0 when there is none.
 */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x, y], n) =>
    points.slice(n + 1).map(([later, value]) => (value - y) / (later - x)),
  );
  slopes.sort((a, b) => a - b);
  const middle = slopes.length / 2;
  return ((slopes[Math.floor(middle)] ?? 0) + (slopes[Math.ceil(middle) - 1] ?? 0)) / 2;
}

/** @returns `undefined` for a life that says nothing */
export function growthOf(
  life: Life,
  { warmUpMs, halfAt, enoughMs }: Measuring,
): Growth | undefined {
  const begun = life.samples[0]?.at ?? 0;
  const samples = life.samples.filter(({ at }) => at >= begun + warmUpMs);
  const half = samples.filter(({ at }) => at >= halfAt);
  const halfMs = lengthOf(half);
  if (half.length < 3 || halfMs < enoughMs) return undefined;
  const measuredMs = lengthOf(samples);
  return {
    name: life.name,
    measuredMs,
    rssMb: perMs(samples, 'rssMb') * measuredMs,
    fds: perMs(samples, 'fds') * measuredMs,
    half: {
      minutes: halfMs / MINUTE,
      rssMbPerMin: perMs(half, 'rssMb') * MINUTE,
      fdsPerMin: perMs(half, 'fds') * MINUTE,
    },
  };
}

const MINUTE = 60_000;

const lengthOf = (samples: readonly Usage[]) => (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);

const perMs = (samples: readonly Usage[], what: 'rssMb' | 'fds') =>
  slopeOf(samples.map((usage) => [usage.at, usage[what]]));
