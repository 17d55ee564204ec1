import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentityConfig } from '../config/identity-config.js';
import { Ids } from '../platform/ids.js';

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

  /** @param purpose `none` makes one that opens nothing, so that the steps are the same */
  async issue(
    tx: EntityManager,
    accountId: string,
    purpose: 'verify_email' | 'none',
  ): Promise<string> {
    const secret = this.ids.secret();
    await tx.query(`DELETE FROM email_tokens WHERE account_id = $1 AND expires_at < now()`, [
      accountId,
    ]);
    await tx.query(
      `INSERT INTO email_tokens (id, account_id, purpose, token_hash, expires_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
      [this.ids.uuid(), accountId, purpose, digest(secret), this.config.EMAIL_TOKEN_TTL_SECONDS],
    );
    return secret;
  }

  /** The account whose address this token proves, or `undefined`. */
  async accountOf(manager: EntityManager, secret: string): Promise<string | undefined> {
    const [row] = await manager.query<{ account_id: string }[]>(
      `SELECT account_id FROM email_tokens
       WHERE token_hash = $1 AND purpose = 'verify_email' AND expires_at > now()`,
      [digest(secret)],
    );
    return row?.account_id;
  }

  /** Ends every token of the account: one has been spent. */
  async endAllOf(tx: EntityManager, accountId: string): Promise<void> {
    await tx.query(`DELETE FROM email_tokens WHERE account_id = $1`, [accountId]);
  }
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
