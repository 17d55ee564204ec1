import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditLog } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';
import { IDENTITY_SERVICE } from './relying-services.js';

/** A secret that has just been made. Only its SHA-256 is kept, which the declaration file takes too (hexadecimal). */
export interface NewSecret {
  readonly secret: string;
  readonly sha256: string;
}

type Source = 'file' | 'operator';

/** How many secrets an operator may give a service: with the one in the file, two are valid at once. */
const MOST_SECRETS = { file: 1, operator: 2 } as const satisfies Record<Source, number>;

/** The relying services that operators add, and the secrets that they give to any. Every change leaves an audit row. */
@Injectable()
export class AddedServices {
  constructor(
    private readonly database: Database,
    private readonly ids: Ids,
    private readonly audit: AuditLog,
  ) {}

  /** Adds a service, or one that was withdrawn again. @throws {DomainError} `relying_service_exists` */
  add(actor: string, id: string, audience: string | null): Promise<NewSecret> {
    return this.database.transaction(async (tx) => {
      const rows =
        id === IDENTITY_SERVICE
          ? []
          : await tx.query<unknown[]>(
              `INSERT INTO relying_services AS known (id, audience, source) VALUES ($1, $2, 'operator')
               ON CONFLICT (id) DO UPDATE SET audience = excluded.audience, source = 'operator',
                 withdrawn_at = NULL, declared_at = now()
               WHERE known.withdrawn_at IS NOT NULL RETURNING id`,
              [id, audience],
            );
      if (rows.length === 0) throw new DomainError('relying_service_exists');
      const details = { audience };
      await this.audit.record(tx, { actor, action: 'relying_service.add', target: id, details });
      return this.#addSecret(tx, id);
    });
  }

  /**
   * Gives a service a second secret. Both are valid until the old one is dropped: by {@link dropOldSecrets}, or, for a
   * declared service, by putting the new digest into the file.
   *
   * @throws {DomainError} `unknown_relying_service`, `rotation_in_progress` when two are valid already
   */
  addSecret(actor: string, id: string): Promise<NewSecret & { readonly source: Source }> {
    return this.database.transaction(async (tx) => {
      const source = await this.#lock(tx, id);
      const [row] = await tx.query<[{ count: number }]>(
        `SELECT count(*)::integer AS count FROM relying_service_secrets WHERE service_id = $1`,
        [id],
      );
      if (row.count >= MOST_SECRETS[source]) {
        throw new DomainError(
          'rotation_in_progress',
          source === 'file'
            ? 'put the SHA-256 of the newer secret into the declaration file and restart identity first'
            : 'drop the older secret first',
        );
      }
      const made = await this.#addSecret(tx, id);
      const details = { secret_sha256: made.sha256 };
      await this.audit.record(tx, {
        actor,
        action: 'relying_service.add_secret',
        target: id,
        details,
      });
      return { ...made, source };
    });
  }

  /**
   * Drops all secrets but the newest.
   *
   * @returns how many
   * @throws {DomainError} `unknown_relying_service`, `declared_in_file`
   */
  dropOldSecrets(actor: string, id: string): Promise<number> {
    return this.database.transaction(async (tx) => {
      if ((await this.#lock(tx, id)) === 'file') {
        throw new DomainError(
          'declared_in_file',
          'its older secret is the one in the declaration file: put the SHA-256 of the newer one there and restart identity',
        );
      }
      const [, dropped] = await tx.query<[unknown[], number]>(
        `DELETE FROM relying_service_secrets WHERE service_id = $1 AND secret_sha256 <> (
           SELECT secret_sha256 FROM relying_service_secrets WHERE service_id = $1
           ORDER BY created_at DESC, secret_sha256 LIMIT 1)`,
        [id],
      );
      const action = 'relying_service.drop_old_secrets';
      await this.audit.record(tx, { actor, action, target: id, details: { dropped } });
      return dropped;
    });
  }

  /**
   * Withdraws a service: its secrets are void. Its instances are counted on until they fall silent, since till then they may
   * still accept tokens.
   *
   * @throws {DomainError} `unknown_relying_service`, `declared_in_file`
   */
  async withdraw(actor: string, id: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      if ((await this.#lock(tx, id)) === 'file') {
        throw new DomainError(
          'declared_in_file',
          'take it out of the declaration file and restart identity',
        );
      }
      await tx.query(`UPDATE relying_services SET withdrawn_at = now() WHERE id = $1`, [id]);
      await tx.query(`DELETE FROM relying_service_secrets WHERE service_id = $1`, [id]);
      await this.audit.record(tx, { actor, action: 'relying_service.withdraw', target: id });
    });
  }

  /** Holds the service's row until the end of the transaction, so that two rotations cannot pass each other. */
  async #lock(tx: EntityManager, id: string): Promise<Source> {
    const [row] = await tx.query<{ source: Source }[]>(
      `SELECT source FROM relying_services WHERE id = $1 AND withdrawn_at IS NULL FOR UPDATE`,
      [id],
    );
    if (!row || id === IDENTITY_SERVICE) throw new DomainError('unknown_relying_service');
    return row.source;
  }

  async #addSecret(tx: EntityManager, id: string): Promise<NewSecret> {
    const secret = this.ids.secret();
    const digest = createHash('sha256').update(secret).digest();
    await tx.query(
      `INSERT INTO relying_service_secrets (service_id, secret_sha256) VALUES ($1, $2)`,
      [id, digest],
    );
    return { secret, sha256: digest.toString('hex') };
  }
}
