import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AuditLog, CONSOLE_ACTOR } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';
import type { Operator, OperatorRole } from './operator.js';

/** An operator as listed. */
export interface ListedOperator extends Operator {
  readonly createdAt: Date;
  /** When they were removed; `null` while they may act. */
  readonly disabledAt: Date | null;
}

/**
 * The named operators. They are added and removed on the command line, by who holds the database's credentials: no
 * operator can make another over HTTP.
 */
@Injectable()
export class Operators {
  constructor(
    private readonly database: Database,
    private readonly ids: Ids,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Adds an operator.
   *
   * @param replace gives one that is known, or was removed, these roles and a new token; the old token is dead at once
   * @returns their token, which is not kept
   * @throws {DomainError} `operator_exists`
   */
  async add(
    name: string,
    roles: readonly OperatorRole[],
    { replace = false }: { readonly replace?: boolean } = {},
  ): Promise<string> {
    const token = `${name}.${this.ids.secret()}`;
    await this.database.transaction(async (tx) => {
      const [row] = await tx.query<{ added: boolean }[]>(
        `INSERT INTO operators (name, roles, token_sha256) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO ${
           replace
             ? 'UPDATE SET roles = excluded.roles, token_sha256 = excluded.token_sha256, disabled_at = NULL'
             : 'NOTHING'
         }
         RETURNING xmax = 0 AS added`,
        [name, roles, sha256(token)],
      );
      if (!row) throw new DomainError('operator_exists', 'an operator has this name, or had it');
      await this.audit.record(tx, {
        actor: CONSOLE_ACTOR,
        action: row.added ? 'operator.add' : 'operator.replace',
        target: name,
        details: { roles },
      });
    });
    return token;
  }

  list(): Promise<ListedOperator[]> {
    return this.database.run((manager) =>
      manager.query<ListedOperator[]>(
        `SELECT name, roles, created_at AS "createdAt", disabled_at AS "disabledAt" FROM operators ORDER BY name`,
      ),
    );
  }

  /** Takes an operator's rights away. The name stays, so that the audit log goes on naming one person. */
  async remove(name: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const [rows] = await tx.query<[unknown[]]>(
        `UPDATE operators SET disabled_at = clock_timestamp() WHERE name = $1 AND disabled_at IS NULL RETURNING name`,
        [name],
      );
      if (rows.length === 0)
        throw new DomainError('unknown_operator', 'there is no operator of this name');
      await this.audit.record(tx, {
        actor: CONSOLE_ACTOR,
        action: 'operator.remove',
        target: name,
      });
    });
  }

  /** Whose token this is; `undefined` when it is nobody's. The same steps whether there is such an operator or not. */
  async authenticate(token: string): Promise<Operator | undefined> {
    const name = token.slice(0, Math.max(token.indexOf('.'), 0));
    const [row] = await this.database.run((manager) =>
      manager.query<{ name: string; roles: OperatorRole[]; token_sha256: Buffer }[]>(
        `SELECT name, roles, token_sha256 FROM operators WHERE name = $1 AND disabled_at IS NULL`,
        [name],
      ),
    );
    const matches = timingSafeEqual(sha256(token), row?.token_sha256 ?? Buffer.alloc(32));
    return matches && row ? { name: row.name, roles: row.roles } : undefined;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
