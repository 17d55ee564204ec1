import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import type { Role } from '../accounts/roles.js';
import { AuditLog, CONSOLE_ACTOR } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { endEachIn } from '../sessions/end-sessions.js';
import { actorOf } from './operator.js';
import type { Operator } from './operator.js';
import type { How } from './session-ending.js';

/**
 * Changes what people may do. Operators take roles away; only who holds the database's credentials gives them, so that no
 * operator can raise anybody.
 */
@Injectable()
export class RoleChanges {
  constructor(
    private readonly database: Database,
    private readonly revocations: RevocationLog,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Takes a role away and cuts off the tokens that carry it, all or nothing. Sessions go on, with fewer rights. Again, it does
   * the same again.
   *
   * @returns the roles that are left
   * @throws {DomainError} `unknown_account`
   */
  take(
    operator: Operator,
    id: string,
    role: Role,
    { reason, receiptWanted = false }: How,
  ): Promise<{ readonly roles: readonly Role[]; readonly position: Position }> {
    return this.database.transaction(async (tx) => {
      const { roles } = await change(tx, id, 'array_remove(a.roles, $2)', role);
      await this.audit.record(tx, {
        actor: actorOf(operator),
        action: 'user.take_role',
        target: id,
        accountId: id,
        details: { role, roles, reason },
      });
      const { epoch, seq } = await this.revocations.append(tx, { kind: 'sub', id, receiptWanted });
      return { roles, position: { epoch, seq } };
    });
  }

  /**
   * Gives a role on the console. Who did not have it signs in again: whatever somebody may have copied of a session from before does
   * not become worth more by it. Again, it ends nothing.
   *
   * @returns the roles, and how many sessions have ended
   * @throws {DomainError} `unknown_account`
   */
  give(
    id: string,
    role: Role,
  ): Promise<{ readonly roles: readonly Role[]; readonly sessions: number }> {
    return this.database.transaction(async (tx) => {
      const appended = 'array_append(array_remove(a.roles, $2), $2)';
      const { roles, before } = await change(tx, id, appended, role);
      const covered = { accountId: id };
      const { sessions } = before.includes(role)
        ? { sessions: 0 }
        : await endEachIn(tx, this.revocations, covered, 'role_given', {});
      await this.audit.record(tx, {
        actor: CONSOLE_ACTOR,
        action: 'user.give_role',
        target: id,
        accountId: id,
        details: { role, roles, sessions },
      });
      return { roles, sessions };
    });
  }
}

/** Under the account's lock taken alone: who issues a token with its roles waits, or was before. */
async function change(
  tx: EntityManager,
  id: string,
  changed: string,
  role: Role,
): Promise<{ readonly roles: readonly Role[]; readonly before: readonly Role[] }> {
  await takeLocks(tx, [{ resource: 'account', id, mode: 'exclusive' }]);
  const [[row]] = await tx.query<[{ roles: Role[]; before: Role[] }[]]>(
    `UPDATE accounts SET roles = ${changed} FROM accounts AS a WHERE accounts.id = $1 AND a.id = $1
     RETURNING accounts.roles, a.roles AS before`,
    [id, role],
  );
  if (!row) throw new DomainError('unknown_account');
  return row;
}
