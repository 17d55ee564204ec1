// The order of test files, for jest: those that take longest first, so that no worker waits for one that began last. How long they took is known on a
// machine that has run them; elsewhere by where they are.
import Sequencer from '@jest/test-sequencer';

const SLOW = [/\/test\/chaos\//, /\.e2e-spec\.ts$/, /\.int-spec\.ts$/];

/** 0 for what takes longest. */
export function rank(path) {
  const found = SLOW.findIndex((pattern) => pattern.test(path));
  return found === -1 ? SLOW.length : found;
}

export default class LongestFirst extends (Sequencer.default ?? Sequencer) {
  sort(tests) {
    const sorted = super.sort(tests);
    if (sorted.every(({ duration }) => duration !== undefined)) return sorted;
    return sorted.sort((a, b) => rank(a.path) - rank(b.path));
  }
}
