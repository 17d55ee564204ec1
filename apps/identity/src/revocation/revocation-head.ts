import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import type { Lineage } from './lineage.js';

/** The head row of the log, with the database that it was written in. */
export interface Head extends Position {
  readonly lineage: Lineage | undefined;
  readonly endedBelow: number;
}

export async function readHead(
  manager: EntityManager,
  lock: '' | 'FOR UPDATE' = '',
): Promise<Head> {
  const [row] = await manager.query<
    [
      {
        epoch: number;
        seq: string;
        ended_below: number;
        system_identifier: string | null;
        timeline: string | null;
      },
    ]
  >(`SELECT epoch, seq, ended_below, system_identifier, timeline FROM revocation_head ${lock}`);
  const { system_identifier: systemIdentifier, timeline } = row;
  return {
    epoch: row.epoch,
    seq: Number(row.seq),
    endedBelow: row.ended_below,
    lineage:
      systemIdentifier === null ? undefined : { systemIdentifier, timeline: Number(timeline) },
  };
}
