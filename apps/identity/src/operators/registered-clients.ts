import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { audienceFault } from '../access-tokens/client-rules.js';
import { ClientSecrets } from '../access-tokens/client-secrets.js';
import type { NewClientSecret } from '../access-tokens/client-secrets.js';
import { Client, DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { AuditLog } from '../audit/audit-log.js';
import type { AuditAction } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { actorOf } from './operator.js';
import type { Operator } from './operator.js';
import type { How } from './session-ending.js';

/** What a client's tokens hold: whom they are for, and what a confidential client may ask for. */
export interface ClientGrants {
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
}

/** Registers clients and changes what they may do. Every change leaves an audit row in its transaction. */
@Injectable()
export class RegisteredClients {
  constructor(
    private readonly database: Database,
    private readonly secrets: ClientSecrets,
    private readonly revocations: RevocationLog,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Registers a client: a confidential one with its first secret, or a public one that people sign in through.
   *
   * @throws {DomainError} `client_exists`, `audience_not_allowed`, `public_client`
   */
  add(
    operator: Operator,
    client: Pick<Client, 'id' | 'kind'> & ClientGrants,
  ): Promise<NewClientSecret | undefined> {
    const { id, kind, audiences, scopes } = client;
    check(kind, client);
    return this.database.transaction(async (tx) => {
      await lock(tx, id);
      const rows = await tx.query<unknown[]>(
        `INSERT INTO clients (id, kind, sign_in, audiences, scopes) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO NOTHING RETURNING id`,
        [id, kind, kind === 'public', audiences, scopes],
      );
      if (rows.length === 0) throw new DomainError('client_exists');
      await this.#record(tx, operator, 'client.add', id, { kind, audiences, scopes });
      return kind === 'confidential' ? this.secrets.add(tx, id) : undefined;
    });
  }

  /**
   * Changes what a client's tokens hold from now on. When it loses something, the tokens that carry it are cut off; sessions
   * through it go on.
   *
   * @returns where the cut-off stands when there was one
   * @throws {DomainError} `no_such_client`, `audience_not_allowed`, `public_client`
   */
  change(
    operator: Operator,
    id: string,
    grants: { readonly [name in keyof ClientGrants]?: ClientGrants[name] | undefined },
    { reason, receiptWanted = false }: How,
  ): Promise<Position | undefined> {
    return this.database.transaction(async (tx) => {
      const before = await this.#take(tx, id);
      const { audiences = before.audiences, scopes = before.scopes } = grants;
      check(before.kind, { audiences, scopes });
      await tx.query(`UPDATE clients SET audiences = $2, scopes = $3 WHERE id = $1`, [
        id,
        audiences,
        scopes,
      ]);
      const lost =
        before.audiences.some((one) => !audiences.includes(one)) ||
        before.scopes.some((one) => !scopes.includes(one));
      const details = { audiences, scopes, cut_off: lost, reason };
      await this.#record(tx, operator, 'client.change', id, details);
      return lost ? this.#cutOff(tx, id, receiptWanted) : undefined;
    });
  }

  /**
   * Gives a confidential client a second secret. Both are valid until the old one is dropped.
   *
   * @throws {DomainError} `no_such_client`, `public_client`, `rotation_in_progress`
   */
  addSecret(operator: Operator, id: string): Promise<NewClientSecret> {
    return this.database.transaction(async (tx) => {
      requireConfidential(await this.#take(tx, id));
      const made = await this.secrets.add(tx, id);
      const details = { secret_sha256: made.sha256 };
      await this.#record(tx, operator, 'client.add_secret', id, details);
      return made;
    });
  }

  /** Makes the newest secret the only one. @returns how many were dropped @throws {DomainError} `no_such_client`, `public_client` */
  dropOldSecrets(operator: Operator, id: string): Promise<number> {
    return this.database.transaction(async (tx) => {
      requireConfidential(await this.#take(tx, id));
      const dropped = await this.secrets.dropOld(tx, id);
      await this.#record(tx, operator, 'client.drop_old_secrets', id, { dropped });
      return dropped;
    });
  }

  /**
   * Disables a client and cuts its tokens off, all or nothing: it gets no token any more, whoever asks. Again, it does the same
   * again.
   *
   * @throws {DomainError} `no_such_client`, `default_client`
   */
  disable(operator: Operator, id: string, how: How): Promise<Position> {
    return this.database.transaction(async (tx) => {
      await this.#take(tx, id);
      if (id === DEFAULT_CLIENT_ID) {
        throw new DomainError('default_client', 'nobody could sign in; revoke its tokens instead');
      }
      await tx.query(
        `UPDATE clients SET disabled_at = coalesce(disabled_at, clock_timestamp()) WHERE id = $1`,
        [id],
      );
      await this.#record(tx, operator, 'client.disable', id, { reason: how.reason });
      return this.#cutOff(tx, id, how.receiptWanted ?? false);
    });
  }

  /** Lets a client have tokens again; those that were cut off stay dead. @throws {DomainError} `no_such_client` */
  async enable(operator: Operator, id: string, { reason }: How): Promise<void> {
    await this.database.transaction(async (tx) => {
      await this.#take(tx, id);
      await tx.query(`UPDATE clients SET disabled_at = NULL WHERE id = $1`, [id]);
      await this.#record(tx, operator, 'client.enable', id, { reason });
    });
  }

  /** The client, under its lock taken alone: who issues a token to it waits, or was before. */
  async #take(tx: EntityManager, id: string): Promise<Client> {
    await lock(tx, id);
    const client = await tx.findOneBy(Client, { id });
    if (!client) throw new DomainError('no_such_client');
    return client;
  }

  async #cutOff(tx: EntityManager, id: string, receiptWanted: boolean): Promise<Position> {
    const { epoch, seq } = await this.revocations.append(tx, { kind: 'client', id, receiptWanted });
    return { epoch, seq };
  }

  #record(
    tx: EntityManager,
    operator: Operator,
    action: AuditAction,
    target: string,
    details: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.audit.record(tx, { actor: actorOf(operator), action, target, details });
  }
}

function lock(tx: EntityManager, id: string): Promise<void> {
  return takeLocks(tx, [{ resource: 'client', id, mode: 'exclusive' }]);
}

/** @throws {DomainError} `audience_not_allowed`, `public_client` */
function check(kind: Client['kind'], { audiences, scopes }: ClientGrants): void {
  const fault = audienceFault(kind, audiences);
  if (fault !== undefined) throw new DomainError('audience_not_allowed', fault);
  if (kind === 'public' && scopes.length > 0) {
    throw new DomainError('public_client', 'people get the scopes of their roles');
  }
}

function requireConfidential({ kind }: Client): void {
  if (kind !== 'confidential') throw new DomainError('public_client');
}
