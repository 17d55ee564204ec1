/** Orders ids of stream entries (`milliseconds-count`); an empty one comes before all. */
export function compareStreamIds(a: string, b: string): number {
  const [aMs, aCount] = split(a);
  const [bMs, bCount] = split(b);
  return aMs === bMs ? aCount - bCount : aMs - bMs;
}

/** The id from which everything of the last `ms` milliseconds before `id` comes after. */
export function streamIdBefore(id: string, ms: number): string {
  return `${String(Math.max(0, split(id)[0] - ms))}-0`;
}

function split(id: string): [ms: number, count: number] {
  const [ms = '', count = ''] = id.split('-');
  return [Number(ms), Number(count)];
}
