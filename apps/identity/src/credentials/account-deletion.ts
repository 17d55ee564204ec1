import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { Account } from '../accounts/account.js';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Outbox } from '../mail/outbox.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { accountDeletedMessage } from './account-messages.js';
import { OwnerCheck } from './owner-check.js';
import type { Owner } from './owner-check.js';

/** Deletes accounts on their owners' behalf. */
@Injectable()
export class AccountDeletion {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly owners: OwnerCheck,
    private readonly revocations: RevocationLog,
    private readonly outbox: Outbox,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Deletes the account with its sessions and tokens, and whatever the audit log holds that is personal; the log's other columns stay, under
   * an id that is nobody's any more. Every token dies by one cut-off. The address is free at once.
   *
   * @param password the current one; needless within five minutes of the sign-in
   * @returns where the end stands in the log of revocations
   * @throws {DomainError} `current_password_rejected`, `recent_sign_in_required`, `session_ended`, `overloaded`
   */
  async delete(
    owner: Owner,
    password: string | undefined,
    { receiptWanted = false }: { readonly receiptWanted?: boolean } = {},
  ): Promise<Position> {
    await this.owners.byPasswordOrRecentSignIn(owner, password);
    return this.database.transaction(async (tx) => {
      const { accountId: id } = owner;
      await takeLocks(tx, [{ resource: 'account', id, mode: 'exclusive' }]);
      await this.owners.requireSession(tx, owner);
      await this.#recordAndErase(tx, id);
      // The head before the rows of sessions, like everybody who ends some: a logout or a cut-off by client has no lock of the account.
      const { epoch, seq } = await this.revocations.append(tx, { kind: 'sub', id, receiptWanted });
      // Sessions and tokens go with it.
      await tx.query(`DELETE FROM accounts WHERE id = $1`, [id]);
      return { epoch, seq };
    });
  }

  async #recordAndErase(tx: EntityManager, id: string): Promise<void> {
    const account = await tx.findOneBy(Account, { id });
    if (!account) throw new DomainError('session_ended');
    await this.outbox.put(tx, accountDeletedMessage(account.email, this.config));
    await this.audit.record(tx, {
      actor: accountActor(id),
      action: 'account.delete',
      target: id,
      accountId: id,
    });
    await this.audit.erasePersonal(tx, id);
  }
}
