import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Database, prepared } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';
import { Account } from './account.js';
import type { Role } from './roles.js';

/** The columns of a row of accounts, as {@link Account} names them. */
export const ACCOUNT_COLUMNS = `id, email, email_verified_at AS "emailVerifiedAt", password_hash AS "passwordHash",
  password_version AS "passwordVersion", roles, created_at AS "createdAt", disabled_at AS "disabledAt"`;

/** A password that somebody has just proved: whose address it belongs to, and its era. */
export interface ProvedPassword {
  readonly email: string;
  readonly era: string;
}

/** The era of an account's password: another one when the address gets another account, or its account another password. */
export function passwordEraOf({ id, passwordVersion }: Pick<Account, 'id' | 'passwordVersion'>) {
  return `${id}:${String(passwordVersion)}`;
}

/** The account with this id. Reads it in the transaction of `manager`, if there is one. */
export async function readAccount(manager: EntityManager, id: string): Promise<Account | null> {
  const text = `SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE id = $1`;
  const rows = await prepared<Account>(manager, { name: 'account_by_id', text, values: [id] });
  return rows[0] ?? null;
}

/** Finds and keeps accounts. */
@Injectable()
export class Accounts {
  constructor(
    private readonly database: Database,
    private readonly ids: Ids,
  ) {}

  /** @param email normalised */
  findByEmail(email: string): Promise<Account | null> {
    const text = `SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE email = $1`;
    return this.database.run(async (manager) => {
      const statement = { name: 'account_by_email', text, values: [email] };
      const [account] = await prepared<Account>(manager, statement);
      return account ?? null;
    });
  }

  /** {@link passwordEraOf} the account of this address; `undefined` when it has none. */
  async passwordEra(email: string): Promise<string | undefined> {
    const [row] = await this.database.run((manager) =>
      prepared<Pick<Account, 'id' | 'passwordVersion'>>(manager, {
        name: 'password_era',
        text: `SELECT id, password_version AS "passwordVersion" FROM accounts WHERE email = $1`,
        values: [email],
      }),
    );
    return row && passwordEraOf(row);
  }

  findById(id: string): Promise<Account | null> {
    return this.database.run((manager) => readAccount(manager, id));
  }

  /** The account of this address; an unverified one without a password is made when there is none. */
  async findOrCreate(tx: EntityManager, email: string): Promise<Account> {
    // The row is written either way: it cannot be deleted before the caller is done, and both cases cost the same. One that
    // nobody has verified is as good as new.
    const [row] = await tx.query<[{ id: string }]>(
      `INSERT INTO accounts AS a (id, email, roles) VALUES ($1, $2, '{customer}')
       ON CONFLICT (email) DO UPDATE SET created_at =
         CASE WHEN a.email_verified_at IS NULL THEN excluded.created_at ELSE a.created_at END
       RETURNING a.id`,
      [this.ids.uuid(), email],
    );
    return tx.findOneByOrFail(Account, { id: row.id });
  }

  /**
   * Makes a verified account, for operators and the embedded run. One that somebody merely asked for becomes it, and what was sent for
   * that opens nothing any more: any stranger can ask for one, at any address.
   *
   * @throws {DomainError} `account_exists`
   */
  async addVerified(email: string, passwordHash: string, roles: readonly Role[]): Promise<string> {
    const [made] = await this.database.run((manager) =>
      manager.query<{ id: string }[]>(
        `WITH made AS (
           INSERT INTO accounts AS a (id, email, email_verified_at, password_hash, roles)
           VALUES ($1, $2, now(), $3, $4)
           ON CONFLICT (email) DO UPDATE SET email_verified_at = now(), password_hash = excluded.password_hash,
             password_version = a.password_version + 1, roles = excluded.roles
             WHERE a.email_verified_at IS NULL AND a.disabled_at IS NULL
           RETURNING a.id
         ), ended AS (
           DELETE FROM email_tokens WHERE account_id IN (SELECT id FROM made)
         )
         SELECT id FROM made`,
        [this.ids.uuid(), email, passwordHash, roles],
      ),
    );
    if (!made)
      throw new DomainError('account_exists', 'an account with this address exists already');
    return made.id;
  }
}
