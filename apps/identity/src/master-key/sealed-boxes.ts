import type { Database } from '../platform/database.js';
import type { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { seal, unseal, UnsealFailed } from '../sealing/sealed.js';

const COUNTED_AT_ONCE = 50_000;
const SEALED_AT_ONCE = 500;

/** How many secrets of one table are sealed under one master key. */
export interface BoxCount {
  readonly table: string;
  readonly masterKeyId: string;
  readonly boxes: number;
}

/** Counts, in pieces that are short whatever the size of the table. */
export async function countBoxes(database: Database, column: SealedColumn): Promise<BoxCount[]> {
  const { table, key, box, masterKey } = column;
  const counts = new Map<string, number>();
  for (let after: string | null = null; ;) {
    const rows: { id: string | null; boxes: string; last: string }[] = await database.run(
      (manager) =>
        manager.query(
          `WITH page AS (SELECT stored.${key.column} AS key, CASE WHEN ${box} IS NOT NULL THEN ${masterKey} END AS id FROM ${table} AS stored
             WHERE $1::${key.type} IS NULL OR stored.${key.column} > $1::${key.type} ORDER BY stored.${key.column} LIMIT $2)
           SELECT id, count(*) AS boxes, (SELECT key::text FROM page ORDER BY page.key DESC LIMIT 1) AS last FROM page GROUP BY id`,
          [after, COUNTED_AT_ONCE],
        ),
    );
    for (const { id, boxes } of rows) {
      if (id !== null) counts.set(id, (counts.get(id) ?? 0) + Number(boxes));
    }
    const [first] = rows;
    if (!first) break;
    after = first.last;
  }
  return [...counts].map(([masterKeyId, boxes]) => ({ table, masterKeyId, boxes }));
}

/** What one pass over a table came to. */
export interface SealedAnew {
  readonly sealed: number;
  /** Rows that somebody else held, or changed meanwhile: for another pass. */
  readonly left: number;
  /** Why boxes could not be opened: they are as they were. */
  readonly unopened: readonly string[];
}

interface Row {
  readonly key: string;
  /** NULL when there is nothing to do. */
  readonly box: Buffer | null;
  readonly masterKeyId: string;
}

/**
 * Seals every secret of a table under the current master key, where it is not yet. Waits for nobody, and writes only over what it
 * has read, so that nothing that is written meanwhile is lost.
 */
export async function sealAnew(
  database: Database,
  keys: MasterKeys,
  column: SealedColumn,
): Promise<SealedAnew> {
  let [sealed, left] = [0, 0];
  const unopened: string[] = [];
  for (let after: string | null = null; ;) {
    const page: Row[] = await readPage(database, column, after, keys.current.id);
    const last = page.at(-1);
    if (!last) return { sealed, left, unopened };
    const changes = page.flatMap((row) => {
      if (!row.box) return [];
      try {
        return [{ key: row.key, was: row.box, box: reseal(keys, column, row, row.box) }];
      } catch (error) {
        if (!(error instanceof UnsealFailed)) throw error;
        unopened.push(error.message);
        return [];
      }
    });
    const written = await write(database, column, keys.current.id, changes);
    sealed += written;
    left += changes.length - written;
    after = last.key;
  }
}

function reseal(keys: MasterKeys, column: SealedColumn, row: Row, box: Buffer): Buffer {
  const boundTo = column.boundTo(row.key);
  const secret = unseal(keys, { masterKeyId: row.masterKeyId, box }, boundTo);
  const anew = seal(keys, secret, boundTo).box;
  secret.fill(0);
  return anew;
}

function readPage(
  database: Database,
  { table, key, box, masterKey }: SealedColumn,
  after: string | null,
  current: string,
): Promise<Row[]> {
  return database.run((manager) =>
    manager.query<Row[]>(
      `SELECT stored.${key.column}::text AS key, ${masterKey} AS "masterKeyId", CASE WHEN ${masterKey} <> $2 THEN ${box} END AS box
       FROM ${table} AS stored WHERE $1::${key.type} IS NULL OR stored.${key.column} > $1::${key.type}
       ORDER BY stored.${key.column} LIMIT $3`,
      [after, current, SEALED_AT_ONCE],
    ),
  );
}

/** @returns how many were written */
async function write(
  database: Database,
  { table, key, box, masterKey }: SealedColumn,
  current: string,
  changes: readonly { key: string; was: Buffer; box: Buffer }[],
): Promise<number> {
  if (changes.length === 0) return 0;
  const [, written] = await database.run((manager) =>
    manager.query<[unknown, number]>(
      `WITH free AS (SELECT held.${key.column} AS key FROM ${table} AS held WHERE held.${key.column} = ANY($1::${key.type}[])
         ORDER BY held.${key.column} FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE ${table} AS stored SET ${box} = anew.box, ${masterKey} = $4
       FROM free, unnest($1::${key.type}[], $2::bytea[], $3::bytea[]) AS anew (key, was, box)
       WHERE stored.${key.column} = free.key AND free.key = anew.key AND stored.${box} = anew.was`,
      [
        changes.map((change) => change.key),
        changes.map((change) => change.was),
        changes.map((change) => change.box),
        current,
      ],
    ),
  );
  return written;
}
