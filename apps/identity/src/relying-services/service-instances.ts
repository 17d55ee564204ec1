import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';

/** Who has not applied an entry this long after it was committed is behind, seconds. Check-ins are up to 5 s apart. */
const BEHIND_SECONDS = 10;
/** Who has not been heard of for so long is silent, seconds. */
const SILENT_SECONDS = 15;

export type InstanceState = 'current' | 'behind' | 'silent' | 'starting';

/** One live instance of a relying service. Instants are NumericDate seconds. */
export interface ServiceInstance {
  readonly instanceId: string;
  readonly state: InstanceState;
  /** The last revocation that it has applied; `null` before the first report. */
  readonly applied: { readonly epoch: number; readonly seq: number } | null;
  /** The age of the oldest revocation that it has not reported as applied, seconds; 0 when there is none. */
  readonly lagSeconds: number;
  readonly kids: readonly string[];
  readonly joinedAt: number;
  readonly lastSeenAt: number;
}

export interface ServiceOverview {
  readonly id: string;
  readonly audience: string | null;
  readonly source: 'file' | 'operator';
  /** When operators gave it secrets; the one in the declaration file is not among them. */
  readonly secretsAddedAt: readonly number[];
  readonly instances: readonly ServiceInstance[];
}

interface InstanceRow {
  readonly service_id: string;
  readonly instance_id: string;
  readonly kids: string[];
  readonly epoch: number | null;
  readonly seq: string | null;
  readonly joined_at: string;
  readonly last_seen_at: string;
  readonly silence: string;
  readonly lag: string | null;
}

/** Shows the relying services, their live instances, and who is behind. */
@Injectable()
export class ServiceInstances {
  constructor(private readonly database: Database) {}

  /** Every service that is not withdrawn, by id. */
  async overview(): Promise<readonly ServiceOverview[]> {
    const [services, instances] = await this.database.run(async (manager) => [
      await manager.query<
        { id: string; audience: string | null; source: 'file' | 'operator'; added: string[] }[]
      >(
        `SELECT id, audience, source, ARRAY(
           SELECT extract(epoch FROM created_at)::text FROM relying_service_secrets
           WHERE service_id = id ORDER BY created_at) AS added
         FROM relying_services WHERE withdrawn_at IS NULL ORDER BY id`,
      ),
      await manager.query<InstanceRow[]>(
        `SELECT i.service_id, i.instance_id, i.kids, i.epoch, i.seq,
           extract(epoch FROM i.joined_at) AS joined_at, extract(epoch FROM i.last_seen_at) AS last_seen_at,
           extract(epoch FROM clock_timestamp() - i.last_seen_at) AS silence,
           (SELECT extract(epoch FROM clock_timestamp()) - r.at FROM revocations AS r
            WHERE (r.epoch, r.seq) > (i.epoch, i.seq) ORDER BY r.epoch, r.seq LIMIT 1) AS lag
         FROM live_instances AS i ORDER BY i.joined_at`,
      ),
    ]);
    return services.map(({ id, audience, source, added }) => ({
      id,
      audience,
      source,
      secretsAddedAt: added.map(Number),
      instances: instances.filter((row) => row.service_id === id).map(toInstance),
    }));
  }
}

function toInstance(row: InstanceRow): ServiceInstance {
  const lagSeconds = Math.max(0, Number(row.lag ?? 0));
  return {
    instanceId: row.instance_id,
    state: stateOf(row.epoch !== null, Number(row.silence), lagSeconds),
    applied: row.epoch === null ? null : { epoch: row.epoch, seq: Number(row.seq) },
    lagSeconds,
    kids: row.kids,
    joinedAt: Number(row.joined_at),
    lastSeenAt: Number(row.last_seen_at),
  };
}

/** How an instance stands, from what it reported and when. Seconds. */
export function stateOf(hasApplied: boolean, silence: number, lag: number): InstanceState {
  if (silence > SILENT_SECONDS) return 'silent';
  if (!hasApplied) return 'starting';
  return lag > BEHIND_SECONDS ? 'behind' : 'current';
}
