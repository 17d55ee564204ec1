import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Database, prepared } from '../platform/database.js';
import type { Statement } from '../platform/database.js';

/** Everything that leaves a row. Stable: people search for it. */
export type AuditAction =
  | 'operator.add'
  | 'operator.replace'
  | 'operator.remove'
  | 'sessions.end'
  | 'revocation.add'
  | 'user.disable'
  | 'user.enable'
  | 'user.take_role'
  | 'user.give_role'
  | 'epoch.raise'
  | 'key.prepare'
  | 'key.request_rotation'
  | 'key.activate'
  | 'key.purge'
  | 'key.revoke'
  | 'relying_service.add'
  | 'relying_service.add_secret'
  | 'relying_service.drop_old_secrets'
  | 'relying_service.withdraw'
  | 'account.register'
  | 'account.verify'
  | 'account.export'
  | 'account.delete'
  | 'personal.erase'
  | 'sign_in'
  | 'sign_in.fail'
  | 'session.end'
  | 'session.replay'
  | 'session.store_behind'
  | 'password.change'
  | 'password.request_reset'
  | 'password.reset'
  | 'email.request_change'
  | 'email.change'
  | 'email.restore'
  | 'client.add'
  | 'client.change'
  | 'client.add_secret'
  | 'client.drop_old_secrets'
  | 'client.disable'
  | 'client.enable'
  | 'master_key.rotate'
  | 'master_key.replace_secrets'
  | 'key.import';

/** Who acts on the command line with the database's own credentials. */
export const CONSOLE_ACTOR = 'console';
/** What identity does by itself. */
export const IDENTITY_ACTOR = 'identity';
/** Who has not proved to be anybody. */
export const STRANGER_ACTOR = 'stranger';
/** The owner of an account. */
export const accountActor = (accountId: string): string => `account:${accountId}`;

/** From where somebody acted. */
export interface PersonalDetails {
  /** The client's address, when it is one. */
  readonly ip?: string | null;
  readonly user_agent?: string | null;
  readonly device_name?: string | null;
}

/** One thing that somebody did. No secrets and no e-mail addresses: people are named by their id. */
export interface AuditEntry {
  /** `operator:<name>`, {@link accountActor}, {@link CONSOLE_ACTOR}, {@link IDENTITY_ACTOR} or {@link STRANGER_ACTOR}. */
  readonly actor: string;
  readonly action: AuditAction;
  /** The id of what it was done to; `null` when it was done to everything. */
  readonly target: string | null;
  /** The account whose owner finds it among their activity. */
  readonly accountId?: string | null;
  /** Kept apart, since they can be erased. */
  readonly personal?: PersonalDetails | null;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface RecordedEntry extends Required<AuditEntry> {
  /** Counts up; a page is asked for by the last one of the page before. */
  readonly id: string;
  readonly at: Date;
}

/** What is looked for; what is left out is not asked about. */
export interface AuditFilter {
  /** Only rows before the one with this id. */
  readonly before?: string | undefined;
  readonly accountId?: string | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  /** Only these. */
  readonly actions?: readonly AuditAction[] | undefined;
  /** Only rows written at or after this second, NumericDate. */
  readonly since?: number | undefined;
}

/** The statement that {@link AuditLog.record} runs, for who sends it along with others. */
export function recording(entry: AuditEntry): Statement {
  const { actor, action, target, accountId = null, personal, details = {} } = entry;
  return {
    name: 'insert_audit',
    text: `WITH owner AS (
         SELECT FROM accounts WHERE id = $4 AND $5::jsonb IS NOT NULL FOR KEY SHARE
       )
       INSERT INTO audit (actor, action, target, account_id, personal, details)
       VALUES ($1, $2, $3, $4, CASE WHEN $4 IS NULL OR EXISTS (SELECT FROM owner) THEN $5::jsonb END, $6)`,
    values: [
      actor,
      action,
      target,
      accountId,
      personal ? JSON.stringify(personal) : null,
      JSON.stringify(details),
    ],
  };
}

/** The record of who did what. */
@Injectable()
export class AuditLog {
  constructor(private readonly database: Database) {}

  /**
   * Writes a row in the transaction of what it tells about: both happen, or neither. What is personal is left out when the account is
   * gone by then, and keeps it from going before the row is there to be erased.
   */
  async record(tx: EntityManager, entry: AuditEntry): Promise<void> {
    await prepared(tx, recording(entry));
  }

  /**
   * Erases what is personal in all rows about an account, for good, and leaves a row that says so: the chain of digests
   * goes on to hold. The last thing to do in the transaction that deletes the account: rows of the same transaction count.
   *
   * @returns in how many rows
   */
  async erasePersonal(tx: EntityManager, accountId: string): Promise<number> {
    const rows = await erase(tx, accountId);
    await this.#recordErasure(tx, accountId, rows);
    return rows;
  }

  /** The same for rows that others have written since {@link erasePersonal}; says nothing when there are none. */
  async erasePersonalSince(tx: EntityManager, accountId: string): Promise<void> {
    const rows = await erase(tx, accountId);
    if (rows > 0) await this.#recordErasure(tx, accountId, rows);
  }

  async #recordErasure(tx: EntityManager, accountId: string, rows: number): Promise<void> {
    // After the rows that it speaks for: whoever checks the chain relies on that order.
    await this.record(tx, {
      actor: IDENTITY_ACTOR,
      action: 'personal.erase',
      target: accountId,
      accountId,
      details: { rows },
    });
  }

  /** The newest rows first. */
  list(
    { before, accountId, actor, action, actions, since }: AuditFilter,
    limit: number,
  ): Promise<RecordedEntry[]> {
    return this.database.run((manager) =>
      manager.query<RecordedEntry[]>(
        `SELECT id, at, actor, action, target, account_id AS "accountId", personal, details FROM audit
         WHERE ($1::bigint IS NULL OR id < $1) AND ($2::uuid IS NULL OR account_id = $2)
           AND ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR action = $4)
           AND ($5::text[] IS NULL OR action = ANY($5))
           AND ($6::float8 IS NULL OR at >= to_timestamp($6))
         ORDER BY id DESC LIMIT $7`,
        [
          before ?? null,
          accountId ?? null,
          actor ?? null,
          action ?? null,
          actions ?? null,
          since ?? null,
          limit,
        ],
      ),
    );
  }
}

/** @returns in how many rows */
async function erase(tx: EntityManager, accountId: string): Promise<number> {
  const [, rows] = await tx.query<[unknown[], number]>(
    `UPDATE audit SET personal = NULL, personal_salt = NULL WHERE account_id = $1 AND personal IS NOT NULL`,
    [accountId],
  );
  return rows;
}
