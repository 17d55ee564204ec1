import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentityConfig } from '../config/identity-config.js';
import type { Database } from '../platform/database.js';
import { Ids } from '../platform/ids.js';

/** What a token opens. `none` opens nothing: it is there so that the steps are the same. */
export type TokenPurpose =
  'verify_email' | 'reset_password' | 'change_email' | 'restore_email' | 'none';

/** How long an earlier address can take a change back. */
const RESTORE_SECONDS = 3 * 86_400;

/** What is known of whoever presents a token. */
export interface TokenBearer {
  readonly accountId: string;
  /** The account's address, normalised. */
  readonly accountEmail: string;
  /** The address that the token proves: another one, when it is to be changed. */
  readonly provenEmail: string;
}

/**
 * Single-use secrets that prove the receipt of a message. Only their SHA-256 is stored: they are 256 random bits, so a
 * slow hash would add nothing.
 */
@Injectable()
export class EmailTokens {
  constructor(
    private readonly config: IdentityConfig,
    private readonly ids: Ids,
  ) {}

  /**
   * Makes a token and ends those of the account that have expired. Two statements, whatever is asked.
   *
   * @param accountId `null` for `none`, where an address has no account
   * @param otherEmail the address that it proves, for `change_email` and `restore_email`
   */
  async issue(
    tx: EntityManager,
    accountId: string | null,
    purpose: TokenPurpose,
    otherEmail: string | null = null,
  ): Promise<string> {
    const secret = this.ids.secret();
    await tx.query(`DELETE FROM email_tokens WHERE account_id = $1 AND expires_at < now()`, [
      accountId,
    ]);
    await tx.query(
      `INSERT INTO email_tokens (id, account_id, purpose, email, token_hash, expires_at)
       VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
      [
        this.ids.uuid(),
        accountId,
        purpose,
        otherEmail,
        digest(secret),
        this.lifetimeSeconds(purpose),
      ],
    );
    return secret;
  }

  lifetimeSeconds(purpose: TokenPurpose): number {
    if (purpose === 'restore_email') return RESTORE_SECONDS;
    return purpose === 'reset_password'
      ? this.config.PASSWORD_RESET_TTL_SECONDS
      : this.config.EMAIL_TOKEN_TTL_SECONDS;
  }

  /** Who presents this token for this purpose; `undefined` when it is unknown, expired or spent, or its account is disabled. */
  async bearerOf(
    manager: EntityManager,
    secret: string,
    purpose: Exclude<TokenPurpose, 'none'>,
  ): Promise<TokenBearer | undefined> {
    const [row] = await manager.query<TokenBearer[]>(
      `SELECT a.id AS "accountId", a.email AS "accountEmail", coalesce(t.email, a.email) AS "provenEmail"
       FROM email_tokens AS t JOIN accounts AS a ON a.id = t.account_id
       WHERE t.token_hash = $1 AND t.purpose = $2 AND t.expires_at > now() AND a.disabled_at IS NULL`,
      [digest(secret), purpose],
    );
    return row;
  }

  /**
   * Ends the tokens of an account: one has been spent, or what they prove has changed. An earlier address can still take its
   * change back: whoever has taken the account must not be able to prevent that.
   */
  async endAllOf(tx: EntityManager, accountId: string): Promise<void> {
    await tx.query(
      `DELETE FROM email_tokens WHERE account_id = $1 AND purpose <> 'restore_email'`,
      [accountId],
    );
  }

  /**
   * The same, and a token by which an address has taken a change back, with those of later changes. Addresses before it can still:
   * whoever has taken the account has moved it to that address too, perhaps.
   */
  async endAllSince(tx: EntityManager, accountId: string, restoring: string): Promise<void> {
    await tx.query(
      `DELETE FROM email_tokens WHERE account_id = $1 AND (purpose <> 'restore_email' OR created_at >= (
         SELECT created_at FROM email_tokens WHERE token_hash = $2))`,
      [accountId, digest(restoring)],
    );
  }
}

/**
 * Ends all tokens, whoever they were sent to: whoever is told to use one asks for another. By which an earlier address takes a change
 * back too: a message that waited is as readable as any other, and such a token opens an account for three days.
 */
export async function endMessageTokens(database: Database): Promise<number> {
  const [, ended] = await database.run((manager) =>
    manager.query<[unknown, number]>(`DELETE FROM email_tokens`),
  );
  return ended;
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
