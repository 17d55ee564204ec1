// What bench:growth holds its figures against.

/** What should be constant may cost so much more after the last step. */
export const MOST_PER_STEP = 3;

/** How many times as much the last value is as the one before it. Below `least` there is nothing to compare. */
export function lastStep(values, least) {
  const [before, last] = values.slice(-2).map((value) => Math.max(value, least));
  return last / before;
}

/** @param steps by name @returns what costs too much more, one sentence each */
export function failsOf(steps) {
  return Object.entries(steps)
    .filter(([, step]) => !(step <= MOST_PER_STEP))
    .map(([name, step]) => `${name} is ${step.toFixed(2)}, above ${MOST_PER_STEP}`);
}
