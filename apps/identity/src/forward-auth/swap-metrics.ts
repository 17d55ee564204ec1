import { Counter, Gauge } from '@countersign/service-host';
import type { Registry } from '@countersign/service-host';

/** How a swap ended. Of these `remembered` and `joined` asked nothing of the database. */
export type SwapOutcome =
  | 'issued'
  | 'remembered'
  | 'joined'
  /** The session was looked at again, and its token goes on. */
  | 'looked_up'
  /** The database is away, and the token that is remembered goes on. */
  | 'carried_on'
  | 'session_ended'
  | 'turned_away'
  | 'failed';

/** @returns what to call for each outcome */
export function measureSwaps(
  metrics: Registry,
  remembered: () => number,
): (outcome: SwapOutcome) => void {
  const outcomes = new Counter({
    name: 'countersign_swaps_total',
    help: 'Swaps of opaque cookies by outcome; remembered and joined are those that cost nothing',
    labelNames: ['outcome'],
    registers: [metrics],
  });
  new Gauge({
    name: 'countersign_swapped_sessions',
    help: 'Sessions whose swapped access token is remembered in this process',
    registers: [metrics],
    collect() {
      this.set(remembered());
    },
  });
  return (outcome) => outcomes.inc({ outcome });
}
