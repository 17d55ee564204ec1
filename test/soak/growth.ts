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
}

/** The slope of the straight line through points by least squares; 0 when there is none. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const meanOf = (values: number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = meanOf(points.map(([at]) => at));
  const y = meanOf(points.map(([, value]) => value));
  let [products, squares] = [0, 0];
  for (const [at, value] of points) {
    products += (at - x) * (value - y);
    squares += (at - x) ** 2;
  }
  return squares === 0 ? 0 : products / squares;
}

/**
 * How a life has grown, without its first `warmUpMs`: code is compiled then, and heaps reach their size.
 *
 * @returns `undefined` when less than `enoughMs` are left
 */
export function growthOf(life: Life, warmUpMs: number, enoughMs: number): Growth | undefined {
  const begun = life.samples[0]?.at ?? 0;
  const samples = life.samples.filter(({ at }) => at >= begun + warmUpMs);
  const measuredMs = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
  if (samples.length < 3 || measuredMs < enoughMs) return undefined;
  const gained = (valueOf: (usage: Usage) => number) =>
    slopeOf(samples.map((usage) => [usage.at, valueOf(usage)])) * measuredMs;
  return {
    name: life.name,
    measuredMs,
    rssMb: gained(({ rssMb }) => rssMb),
    fds: gained(({ fds }) => fds),
  };
}
