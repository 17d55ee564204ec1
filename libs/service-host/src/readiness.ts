import type { Readiness } from './management-listener.js';

/** What `/health/ready` says of a process over its life, and how to tell it that the process stops. */
export interface LatchedReadiness {
  /** For the management listener. Also call it when the first start is complete, whether anybody asks or not. */
  readonly readiness: () => Readiness;
  /** From here on the process is not ready, for good. */
  drain(): void;
}

/**
 * Remembers that the first start was completed: a process that was ready once stays ready until it stops. What it loses
 * later it tells by 503 for each request and by metrics; were every instance un-ready whenever a part they share is away,
 * orchestrators would take the whole fleet out of service.
 *
 * @param firstStart asked until it has said `ready` once, and never again
 */
export function latchedReadiness(firstStart: () => Readiness): LatchedReadiness {
  let started = false;
  let draining = false;
  return {
    readiness() {
      if (draining) return { ready: false, missing: ['stopping'] };
      if (started) return { ready: true, missing: [] };
      const { ready, missing } = firstStart();
      started = ready;
      return { ready, missing };
    },
    drain() {
      draining = true;
    },
  };
}
