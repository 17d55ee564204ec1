import { setTimeout as delay } from 'node:timers/promises';
import type { People } from './people.js';

/** Resolves when so many transactions of this database wait for locks. */
export async function whenWaiting(people: Pick<People, 'query'>, count: number): Promise<void> {
  for (;;) {
    const waiting = await people.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (waiting.length >= count) return;
    await delay(10);
  }
}
