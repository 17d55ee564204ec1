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
import { revokeEachIn } from '../sessions/end-sessions.js';
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
   * an id that is nobody's any more. Every token dies by its session, and by a cut-off. The address is free at once.
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
    const proof = await this.owners.byPasswordOrRecentSignIn(owner, password);
    return this.database.transaction(async (tx) => {
      const { accountId: id } = owner;
      await takeLocks(tx, [{ resource: 'account', id, mode: 'exclusive' }]);
      await this.owners.requireStill(tx, owner, proof);
      await this.#recordAndErase(tx, id);
      await deleteEndedSessions(tx, id);
      // The head before the rows of sessions, like everybody who ends some: a logout or a cut-off by client has no lock of the account.
      await revokeEachIn(tx, this.revocations, { accountId: id });
      const { epoch, seq } = await this.revocations.append(tx, { kind: 'sub', id, receiptWanted });
      // From here on nobody writes anything personal; what was written since, as by a failed sign-in, goes too.
      await tx.query(`SELECT FROM accounts WHERE id = $1 FOR UPDATE`, [id]);
      await this.audit.erasePersonalSince(tx, id);
      // Live sessions and tokens go with it.
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

/** So many rows are deleted by one statement: each must stay below the time that a statement may take. */
const PAGE_SIZE = 5_000;

/** They can be many, and nobody changes them any more: gone before the head of the log is held. */
async function deleteEndedSessions(tx: EntityManager, accountId: string): Promise<void> {
  let deleted: number;
  do {
    [, deleted] = await tx.query<[unknown, number]>(
      `DELETE FROM sessions WHERE sid = ANY(ARRAY(
         SELECT sid FROM sessions WHERE account_id = $1 AND ended_at IS NOT NULL LIMIT $2))`,
      [accountId, PAGE_SIZE],
    );
  } while (deleted === PAGE_SIZE);
}
