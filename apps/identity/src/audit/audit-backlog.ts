import type { EntityManager } from 'typeorm';

/** Rows that have no position yet. They can be changed without a trace. */
export interface AuditBacklog {
  readonly rows: number;
  /** When the first of them was written, and how long ago that is by the database's clock; 0 without any. */
  readonly oldestAt: Date | null;
  readonly oldestSeconds: number;
}

export async function readAuditBacklog(manager: EntityManager): Promise<AuditBacklog> {
  const [row] = await manager.query<
    [{ rows: number; oldest: Date | null; seconds: number | null }]
  >(
    `SELECT count(*)::integer AS rows, min(at) AS oldest,
       extract(epoch FROM clock_timestamp() - min(at))::float8 AS seconds
     FROM audit WHERE position IS NULL`,
  );
  return { rows: row.rows, oldestAt: row.oldest, oldestSeconds: Math.max(0, row.seconds ?? 0) };
}
