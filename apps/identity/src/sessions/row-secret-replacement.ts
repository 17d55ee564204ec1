import { randomBytes } from 'node:crypto';
import type { Database } from '../platform/database.js';
import type { MasterKeys } from '../sealing/master-keys.js';
import { seal } from '../sealing/sealed.js';
import { SEALED_ROW_SECRETS } from './session-secrets.js';

const AT_ONCE = 500;

/**
 * Puts another secret in the row of every session that has begun until now. Refresh tokens that were made from the old ones open
 * nothing any more, whoever holds them. Cookies of delivery `session` go on: of them only a digest is stored.
 */
export async function replaceRowSecrets(database: Database, keys: MasterKeys): Promise<number> {
  const [{ now }] = await database.run((manager) =>
    manager.query<[{ now: string }]>(`SELECT clock_timestamp()::text AS now`),
  );
  let replaced = 0;
  for (let after: string | undefined; ;) {
    const sids = await readPage(database, now, after);
    after = sids.at(-1);
    if (after === undefined) return replaced;
    replaced += await write(database, keys, sids);
  }
}

async function readPage(
  database: Database,
  until: string,
  after: string | undefined,
): Promise<string[]> {
  const rows = await database.run((manager) =>
    manager.query<{ sid: string }[]>(
      `SELECT sid FROM sessions WHERE sealed_secret IS NOT NULL AND created_at <= $1 AND ($2::uuid IS NULL OR sid > $2)
       ORDER BY sid LIMIT $3`,
      [until, after ?? null, AT_ONCE],
    ),
  );
  return rows.map(({ sid }) => sid);
}

/** Whoever is in the middle of a refresh is waited for. @returns how many were written: some may be purged meanwhile */
async function write(
  database: Database,
  keys: MasterKeys,
  sids: readonly string[],
): Promise<number> {
  const boxes = sids.map((sid) => seal(keys, randomBytes(32), SEALED_ROW_SECRETS.boundTo(sid)).box);
  const [, written] = await database.run((manager) =>
    manager.query<[unknown, number]>(
      `WITH held AS (SELECT sid FROM sessions WHERE sid = ANY($1::uuid[]) ORDER BY sid FOR NO KEY UPDATE)
       UPDATE sessions AS stored SET sealed_secret = anew.box, master_key_id = $3
       FROM held, unnest($1::uuid[], $2::bytea[]) AS anew (sid, box)
       WHERE stored.sid = held.sid AND held.sid = anew.sid`,
      [sids, boxes, keys.current.id],
    ),
  );
  return written;
}
