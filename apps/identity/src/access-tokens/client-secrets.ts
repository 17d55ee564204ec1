import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';

/** Anything else is no client id, and some of it is nothing that the database could hold. */
const CLIENT_ID = /^[\x20-\x7e]{1,200}$/;
/** Two, so that a client can change over. */
const MOST_SECRETS = 2;

/** A secret that has just been made: nowhere else from then on. */
export interface NewClientSecret {
  readonly secret: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** The secrets by which confidential clients authenticate: 256 random bits each, kept as SHA-256. */
@Injectable()
export class ClientSecrets {
  constructor(private readonly ids: Ids) {}

  /**
   * Gives a client one more secret, in a transaction that holds the client's lock alone.
   *
   * @throws {DomainError} `rotation_in_progress` when two are valid already
   */
  async add(tx: EntityManager, clientId: string): Promise<NewClientSecret> {
    const [row] = await tx.query<[{ count: number }]>(
      `SELECT count(*)::integer AS count FROM client_secrets WHERE client_id = $1`,
      [clientId],
    );
    if (row.count >= MOST_SECRETS) {
      throw new DomainError('rotation_in_progress', 'drop the older secret first');
    }
    const secret = this.ids.secret();
    const digest = digestOf(secret);
    await tx.query(`INSERT INTO client_secrets (client_id, secret_sha256) VALUES ($1, $2)`, [
      clientId,
      digest,
    ]);
    return { secret, sha256: digest.toString('hex') };
  }

  /** Drops all secrets but the newest, under the same lock. @returns how many */
  async dropOld(tx: EntityManager, clientId: string): Promise<number> {
    const [, dropped] = await tx.query<[unknown[], number]>(
      `DELETE FROM client_secrets WHERE client_id = $1
         AND id <> (SELECT max(id) FROM client_secrets WHERE client_id = $1)`,
      [clientId],
    );
    return dropped;
  }

  /** Whether the secret is one of the client's, and the client is not disabled. */
  async authenticate(manager: EntityManager, clientId: string, secret: string): Promise<boolean> {
    if (!CLIENT_ID.test(clientId)) return false;
    const rows = await manager.query<{ secret_sha256: Buffer }[]>(
      `SELECT secret_sha256 FROM client_secrets JOIN clients ON clients.id = client_id
       WHERE client_id = $1 AND kind = 'confidential' AND disabled_at IS NULL`,
      [clientId],
    );
    const digest = digestOf(secret);
    return rows.some(({ secret_sha256: known }) => timingSafeEqual(digest, known));
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
