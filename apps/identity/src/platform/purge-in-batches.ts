import type { EntityManager } from 'typeorm';
import type { Database } from './database.js';

/** Rows that one statement deletes at most: it must end long before a statement is given up on. */
const BATCH = 5_000;
/** Batches in one run; what is left waits for the next. */
const MAX_BATCHES = 20;

/**
 * Deletes rows in batches, each in a transaction of its own. What another replica is deleting at the moment, under the same
 * lock, is left to it.
 *
 * @param statement a DELETE, or an UPDATE that erases, that takes its limit as `$1`, and what else is given after it
 * @returns how many rows
 */
export async function purgeInBatches(
  database: Database,
  lock: string,
  statement: string,
  more: readonly unknown[] = [],
): Promise<number> {
  let total = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const deleted = await database.transaction((tx) => deleteBatch(tx, lock, statement, more));
    total += deleted;
    if (deleted < BATCH) break;
  }
  return total;
}

async function deleteBatch(
  tx: EntityManager,
  lock: string,
  statement: string,
  more: readonly unknown[],
): Promise<number> {
  const [row] = await tx.query<[{ mine: boolean }]>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS mine`,
    [lock],
  );
  if (!row.mine) return 0;
  const [, deleted] = await tx.query<[unknown[], number]>(statement, [BATCH, ...more]);
  return deleted;
}
