import type { VerifierClock } from './clock.js';

/** The clocks of this machine. */
export const systemClock: VerifierClock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
