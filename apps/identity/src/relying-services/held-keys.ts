import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';

/** What one instance last said about the keys that it holds. */
export interface HeldKeysReport {
  readonly service: string;
  readonly instanceId: string;
  readonly kids: readonly string[];
  /** Until when it is counted on without another report, seconds on the clock of check-ins. */
  readonly countedUntil: number;
}

export interface HeldKeysReading {
  /** The clock of check-ins, seconds. */
  readonly ran: number;
  /** False when instances may be missing: for a while after an outage and after history was lost. */
  readonly complete: boolean;
  /** Of services that are not withdrawn; who said goodbye is not among them, who fell silent is. */
  readonly instances: readonly HeldKeysReport[];
}

/** Reads who holds which keys. */
@Injectable()
export class HeldKeys {
  async read(manager: EntityManager): Promise<HeldKeysReading> {
    const [row] = await manager.query<
      [{ ran: number; complete: boolean; instances: HeldKeysReport[] }]
    >(
      `SELECT clock.ran_ms / 1000.0::float8 AS ran,
         known.complete AND clock.ran_ms >= clock.steady_from_ms AS complete,
         coalesce((
           SELECT json_agg(json_build_object('service', i.service_id, 'instanceId', i.instance_id, 'kids', i.kids,
             'countedUntil', i.seen_at_ms / 1000.0 + i.hard_staleness_seconds + 15) ORDER BY i.service_id, i.instance_id)
           FROM relying_service_instances AS i JOIN relying_services AS s ON s.id = i.service_id
           WHERE i.left_at IS NULL AND s.withdrawn_at IS NULL), '[]') AS instances
       FROM check_in_clock AS clock, live_set_is_complete AS known`,
    );
    return row;
  }
}
