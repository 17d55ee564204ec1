import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';
import type { DeclaredService } from './declared-services.js';

/** The name under which identity's own replicas check in. */
export const IDENTITY_SERVICE = 'identity';

/** The services that are declared to this identity, and their secrets' digests. */
@Injectable()
export class RelyingServices {
  #declared: ReadonlyMap<string, DeclaredService> = new Map();

  constructor(private readonly database: Database) {}

  /** Makes the database agree with the declaration: new ones are added, missing ones withdrawn. */
  async reconcile(declared: readonly DeclaredService[]): Promise<void> {
    this.#declared = new Map(declared.map((service) => [service.id, service]));
    const rows = declared.some(({ id }) => id === IDENTITY_SERVICE)
      ? declared
      : [...declared, { id: IDENTITY_SERVICE, audience: IDENTITY_SERVICE }];
    await this.database.transaction(async (tx) => {
      for (const { id, audience } of rows) {
        await tx.query(
          `INSERT INTO relying_services (id, audience) VALUES ($1, $2)
           ON CONFLICT (id) DO UPDATE SET audience = excluded.audience, withdrawn_at = NULL`,
          [id, audience],
        );
      }
      await tx.query(
        `UPDATE relying_services SET withdrawn_at = now() WHERE withdrawn_at IS NULL AND NOT id = ANY($1)`,
        [rows.map(({ id }) => id)],
      );
    });
  }

  /** Whether the secret is the service's. The same steps whether there is such a service or not. */
  authenticate(id: string, secret: string): boolean {
    const digest = createHash('sha256').update(secret).digest();
    const service = this.#declared.get(id);
    const matches = timingSafeEqual(digest, service?.secretSha256 ?? Buffer.alloc(32));
    return matches && service !== undefined;
  }
}
