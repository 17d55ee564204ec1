import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';

/** A client as operators see it. */
export interface ClientOverview {
  readonly id: string;
  readonly kind: 'public' | 'confidential';
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
  /** When each of its valid secrets was made, oldest first. */
  readonly secretsAddedAt: readonly Date[];
  /** Those of its audiences that no relying service has: their tokens are accepted nowhere. */
  readonly unclaimedAudiences: readonly string[];
}

/** Reads what clients there are. */
@Injectable()
export class ClientOverviews {
  constructor(private readonly database: Database) {}

  /** All of them by id, or the one that is named. */
  list(id?: string): Promise<readonly ClientOverview[]> {
    return this.database.run((manager) =>
      manager.query<ClientOverview[]>(
        `SELECT id, kind, audiences, scopes, created_at AS "createdAt", disabled_at AS "disabledAt",
           ARRAY(SELECT created_at FROM client_secrets WHERE client_id = clients.id ORDER BY client_secrets.id)
             AS "secretsAddedAt",
           ARRAY(SELECT named FROM unnest(audiences) AS named WHERE NOT EXISTS (
             SELECT FROM relying_services WHERE audience = named AND withdrawn_at IS NULL))
             AS "unclaimedAudiences"
         FROM clients WHERE $1::text IS NULL OR id = $1 ORDER BY id`,
        [id ?? null],
      ),
    );
  }
}
