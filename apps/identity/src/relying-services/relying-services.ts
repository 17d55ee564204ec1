import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';
import { relyingServiceId } from './declared-services.js';
import type { DeclaredService } from './declared-services.js';

/** The name under which identity's own replicas check in. */
export const IDENTITY_SERVICE = 'identity';

/**
 * The relying services and who may speak for them. There are two sources. The declaration file is read at the start and is
 * the truth about the ids in it: what it no longer names is withdrawn. Operators add others while identity runs
 * (`AddedServices`), and give any of them a second secret. An id belongs to one source: when the file names one that an
 * operator had added, the file takes it over, and secrets that operators gave it are void.
 */
@Injectable()
export class RelyingServices {
  #declared: ReadonlyMap<string, DeclaredService> = new Map();

  constructor(private readonly database: Database) {}

  /** Makes the database agree with the declaration file: new ones are added, missing ones withdrawn. */
  async reconcile(declared: readonly DeclaredService[]): Promise<void> {
    this.#declared = new Map(declared.map((service) => [service.id, service]));
    const rows = declared.some(({ id }) => id === IDENTITY_SERVICE)
      ? declared
      : [...declared, { id: IDENTITY_SERVICE, audience: IDENTITY_SERVICE, secretSha256: null }];
    await this.database.transaction(async (tx) => {
      for (const { id, audience, secretSha256 } of rows) {
        // A secret that operators gave a declared service is done with once the file has it.
        await tx.query(
          `DELETE FROM relying_service_secrets USING relying_services AS s
           WHERE service_id = $1 AND s.id = $1 AND (s.source = 'operator' OR secret_sha256 = $2)`,
          [id, secretSha256],
        );
        await tx.query(
          `INSERT INTO relying_services (id, audience) VALUES ($1, $2)
           ON CONFLICT (id) DO UPDATE SET audience = excluded.audience, withdrawn_at = NULL, source = 'file'`,
          [id, audience],
        );
      }
      // Their instances stay counted on until they fall silent: till then they may still accept tokens.
      await tx.query(
        `WITH withdrawn AS (
           UPDATE relying_services SET withdrawn_at = now()
           WHERE withdrawn_at IS NULL AND source = 'file' AND NOT id = ANY($1) RETURNING id)
         DELETE FROM relying_service_secrets WHERE service_id IN (SELECT id FROM withdrawn)`,
        [rows.map(({ id }) => id)],
      );
    });
  }

  /** Whether a service that has been authenticated is a gateway: it has no audience, no token is meant for it. */
  async isGateway(id: string): Promise<boolean> {
    const declared = this.#declared.get(id);
    if (declared) return declared.audience === null;
    const added = await this.database.run((manager) =>
      manager.query<unknown[]>(
        `SELECT FROM relying_services WHERE id = $1 AND audience IS NULL AND withdrawn_at IS NULL`,
        [id],
      ),
    );
    return added.length > 0;
  }

  /** Whether the secret is one of the service's. A declared one is known here; for others the database is asked. */
  async authenticate(id: string, secret: string): Promise<boolean> {
    const digest = createHash('sha256').update(secret).digest();
    const declared = this.#declared.get(id);
    if (declared && timingSafeEqual(digest, declared.secretSha256)) return true;
    if (!relyingServiceId.safeParse(id).success) return false;
    const added = await this.database.run((manager) =>
      manager.query<{ secret_sha256: Buffer }[]>(
        `SELECT secret_sha256 FROM relying_service_secrets JOIN relying_services ON id = service_id
         WHERE id = $1 AND withdrawn_at IS NULL`,
        [id],
      ),
    );
    return added.some(({ secret_sha256: known }) => timingSafeEqual(digest, known));
  }
}
