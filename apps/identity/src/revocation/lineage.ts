import type { EntityManager } from 'typeorm';
import { DomainError } from '../platform/domain-error.js';

/** Which history of which database this is: a restored copy or a promoted standby has another. */
export interface Lineage {
  /** Made by initdb; a copy made by a dump into another server has another one. */
  readonly systemIdentifier: string;
  /** Raised by every promotion and by every recovery to an earlier point. */
  readonly timeline: number;
}

/** SQL: whether the server that answers is the one noted in `revocation_head`, or none is noted yet. Not for a standby. */
export const IS_NOTED_LINEAGE = `(system_identifier IS NULL OR (system_identifier, timeline) = (
  (SELECT server.system_identifier::text FROM pg_control_system() AS server),
  ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint))`;

/** The lineage of the server that answers; `undefined` when that is a standby. */
export async function readLineage(manager: EntityManager): Promise<Lineage | undefined> {
  // The name of the write-ahead file, not the last checkpoint: a promoted server may not have made one yet.
  const [row] = await manager.query<
    [{ standby: boolean; system_identifier: string; wal_file: string | null }]
  >(
    `SELECT pg_is_in_recovery() AS standby, system_identifier::text,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_walfile_name(pg_current_wal_insert_lsn()) END AS wal_file
     FROM pg_control_system()`,
  );
  if (row.wal_file === null) return undefined;
  return {
    systemIdentifier: row.system_identifier,
    timeline: Number.parseInt(row.wal_file.slice(0, 8), 16),
  };
}

/** The same. @throws {DomainError} `database_unavailable` when the server is a standby */
export async function primaryLineage(manager: EntityManager): Promise<Lineage> {
  const lineage = await readLineage(manager);
  if (!lineage) throw new DomainError('database_unavailable', 'the database is a standby');
  return lineage;
}

/** What has become of the database since `known` was noted. Nothing noted yet: nothing to compare. */
export function compareLineage(
  known: Lineage | undefined,
  now: Lineage,
): 'first' | 'same' | 'new_timeline' | 'new_system' {
  if (!known) return 'first';
  if (known.systemIdentifier !== now.systemIdentifier) return 'new_system';
  return known.timeline === now.timeline ? 'same' : 'new_timeline';
}
