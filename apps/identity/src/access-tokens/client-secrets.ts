import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';
import { takeLocks } from '../platform/locks.js';
import { Client } from './client.js';

/** Anything else is no client id, and some of it is nothing that the database could hold. */
const CLIENT_ID = /^[\x20-\x7e]{1,200}$/;

/** The secrets by which confidential clients authenticate: 256 random bits each, kept as SHA-256. */
@Injectable()
export class ClientSecrets {
  constructor(
    private readonly database: Database,
    private readonly ids: Ids,
  ) {}

  /**
   * Gives a client a new secret. The one before it stays valid until the next is made, so that a client can change over.
   *
   * @returns the secret, which is nowhere else from then on
   * @throws {DomainError} `unknown_client` when there is no such confidential client
   */
  async renew(clientId: string): Promise<string> {
    const secret = this.ids.secret();
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'client', id: clientId, mode: 'exclusive' }]);
      if (!(await tx.existsBy(Client, { id: clientId, kind: 'confidential' })))
        throw new DomainError('unknown_client');
      await tx.query(`INSERT INTO client_secrets (client_id, secret_sha256) VALUES ($1, $2)`, [
        clientId,
        digestOf(secret),
      ]);
      await tx.query(
        `DELETE FROM client_secrets WHERE client_id = $1
           AND id NOT IN (SELECT id FROM client_secrets WHERE client_id = $1 ORDER BY id DESC LIMIT 2)`,
        [clientId],
      );
    });
    return secret;
  }

  /** Whether the secret is one of the client's. */
  async authenticate(clientId: string, secret: string): Promise<boolean> {
    if (!CLIENT_ID.test(clientId)) return false;
    const rows = await this.database.run((manager) =>
      manager.query<{ secret_sha256: Buffer }[]>(
        `SELECT secret_sha256 FROM client_secrets JOIN clients ON clients.id = client_id
         WHERE client_id = $1 AND kind = 'confidential'`,
        [clientId],
      ),
    );
    const digest = digestOf(secret);
    return rows.some(({ secret_sha256: known }) => timingSafeEqual(digest, known));
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
