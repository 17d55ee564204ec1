import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { Ids } from '../platform/ids.js';
import { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { seal, unseal } from '../sealing/sealed.js';
import type { Message } from './mailer.js';

const boundTo = (id: string) => `mail_outbox:${id}`;

export const SEALED_MESSAGES: SealedColumn = {
  table: 'mail_outbox',
  key: { column: 'id', type: 'uuid' },
  box: 'sealed_message',
  masterKey: 'master_key_id',
  boundTo,
};

/** How long a message is tried that nothing else limits. */
export const PATIENCE_SECONDS = 86_400;
/** Whoever takes a message has it for so long; then it is anybody's again. Longer than any try takes. */
const CLAIM_SECONDS = 120;

/** A message that this process has taken on itself to send. */
export interface ClaimedMessage {
  readonly id: string;
  /** How often it has been tried, this time included. */
  readonly attempts: number;
  /** @throws {UnsealFailed} */
  open(): Message;
}

/** What waits to be sent. */
export interface Waiting {
  readonly messages: number;
  /** Age of the oldest, seconds; 0 when there is none. */
  readonly oldestSeconds: number;
}

/**
 * Messages that are to be sent, in the database: written in the transaction of what they tell about, so that no request waits for
 * a mail server or fails with it, and no message is lost or sent for something that was rolled back. Sealed, since they hold tokens of which the
 * database otherwise has only hashes. A message may be sent twice, when a process ends between sending and saying so.
 */
@Injectable()
export class Outbox {
  constructor(
    private readonly database: Database,
    private readonly ids: Ids,
    private readonly masterKeys: MasterKeys,
  ) {}

  /** @param patienceSeconds after which it is not worth sending: a token's lifetime */
  async put(
    tx: EntityManager,
    message: Message,
    patienceSeconds: number = PATIENCE_SECONDS,
  ): Promise<void> {
    const id = this.ids.uuid();
    const { masterKeyId, box } = seal(
      this.masterKeys,
      Buffer.from(JSON.stringify(message)),
      boundTo(id),
    );
    await tx.query(
      `INSERT INTO mail_outbox (id, master_key_id, sealed_message, created_at, due_at, give_up_at)
       SELECT $1, $2, $3, t, t, t + make_interval(secs => $4) FROM clock_timestamp() AS t`,
      [id, masterKeyId, box, patienceSeconds],
    );
  }

  /** Takes messages that are due, each for one process only. */
  async claim(limit: number): Promise<ClaimedMessage[]> {
    const [rows] = await this.database.run((manager) =>
      manager.query<
        [{ id: string; master_key_id: string; sealed_message: Buffer; attempts: number }[]]
      >(
        `WITH due AS (
           SELECT id FROM mail_outbox WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT $1
           FOR UPDATE SKIP LOCKED
         )
         UPDATE mail_outbox AS m
         SET attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => $2)
         FROM due WHERE m.id = due.id
         RETURNING m.id, m.master_key_id, m.sealed_message, m.attempts`,
        [limit, CLAIM_SECONDS],
      ),
    );
    return rows.map(({ id, master_key_id: masterKeyId, sealed_message: box, attempts }) => ({
      id,
      attempts,
      open: () =>
        JSON.parse(
          unseal(this.masterKeys, { masterKeyId, box }, boundTo(id)).toString(),
        ) as Message,
    }));
  }

  /** It was sent, or never will be. */
  async remove(id: string): Promise<void> {
    await this.database.run((manager) =>
      manager.query(`DELETE FROM mail_outbox WHERE id = $1`, [id]),
    );
  }

  /** It is to be tried again, in about so many seconds: not all at once. */
  async postpone({ id, attempts }: ClaimedMessage, seconds: number): Promise<void> {
    await this.database.run((manager) =>
      manager.query(
        `UPDATE mail_outbox SET due_at = clock_timestamp() + make_interval(secs => $3 * (0.8 + 0.4 * random()))
         WHERE id = $1 AND attempts = $2`,
        [id, attempts, seconds],
      ),
    );
  }

  /** Deletes what has been tried for long enough. @returns how many */
  async giveUp(): Promise<number> {
    const [, count] = await this.database.run((manager) =>
      manager.query<[unknown[], number]>(
        `DELETE FROM mail_outbox WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM mail_outbox WHERE give_up_at <= clock_timestamp() LIMIT 1000 FOR UPDATE SKIP LOCKED))`,
      ),
    );
    return count;
  }

  async waiting(): Promise<Waiting> {
    const [row] = await this.database.run((manager) =>
      manager.query<[{ messages: number; oldest: string | null }]>(
        `SELECT count(*)::integer AS messages, extract(epoch FROM clock_timestamp() - min(created_at)) AS oldest
         FROM mail_outbox`,
      ),
    );
    return { messages: row.messages, oldestSeconds: Number(row.oldest ?? 0) };
  }
}
