import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { OutageLog } from '@countersign/service-host';
import type { Logger } from '@countersign/service-host';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { LOGGER } from '../platform/platform.module.js';
import { RepeatedJob } from '../platform/repeated-job.js';
import { MasterKeys } from '../sealing/master-keys.js';
import {
  CHAINED_COLUMNS,
  digestOf,
  digestOfPersonal,
  formatHead,
  readAuditHead,
} from './audit-chain.js';
import type { AuditHead, ChainedRow } from './audit-chain.js';
import { openOrMakeAuditKey } from './audit-chain-key.js';

const EVERY_MS = 1_000;
/** Rows that one transaction seals at most. */
const PAGE_SIZE = 1_000;
/** Pages in one turn; what is left waits for the next. */
const MAX_PAGES = 20;

type UnsealedRow = ChainedRow & { readonly personal: string | null };
interface Link {
  readonly id: string;
  readonly position: number;
  readonly digest: Buffer;
  readonly salt: Buffer | null;
  readonly personalDigest: Buffer | null;
}

/**
 * Chains the rows of the audit log by keyed digests, every second. Who writes rows knows nothing of it and never waits for it:
 * rows get their position here, in the order in which they are found. One whose transaction commits late comes
 * after rows with higher ids. The row of the head is the lock: one replica seals at a time, the others pass.
 */
@Injectable()
export class AuditSealer {
  #key: Buffer | undefined;
  #lastSealed: AuditHead | undefined;
  readonly #job: RepeatedJob;

  constructor(
    private readonly database: Database,
    private readonly masterKeys: MasterKeys,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const words = {
      fails: 'the audit log was not sealed',
      worksAgain: 'the audit log is sealed again',
    };
    this.#job = new RepeatedJob(() => this.turn(), new OutageLog(logger, words));
  }

  /** Opens the key, making it when there is none. @throws {UnsealFailed} when it cannot be opened */
  async load(): Promise<void> {
    this.#key = await openOrMakeAuditKey(this.database, this.masterKeys);
  }

  start(everyMs = EVERY_MS): void {
    this.#job.start(everyMs);
  }

  /** Waits for a turn under way. */
  stop(): Promise<void> {
    return this.#job.stop();
  }

  /** Seals what is committed, in pages. @returns how many rows; 0 also when another replica is at it */
  async turn(): Promise<number> {
    let total = 0;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const sealed = await this.#sealPage();
      total += sealed;
      if (sealed < PAGE_SIZE) break;
    }
    await this.#noteHead();
    return total;
  }

  async #sealPage(): Promise<number> {
    const key = this.#key;
    if (!key) throw new TypeError('the key of the audit log has not been loaded');
    const sealed = await this.database.transaction(async (tx) => {
      const head = await readAuditHead(tx, 'FOR UPDATE SKIP LOCKED');
      if (!head) return undefined;
      this.#lookForLoss(head);
      const links = chain(key, head, await unsealedRows(tx));
      const newHead = links.at(-1) ?? head;
      if (links.length > 0) await write(tx, links, newHead);
      return { rows: links.length, newHead };
    });
    // What did not commit was never sealed.
    if (sealed) this.#lastSealed = sealed.newHead;
    return sealed?.rows ?? 0;
  }

  /** A chain only ever grows: a shorter one than this replica has made is that of a restored database, or was cut. */
  #lookForLoss(head: AuditHead): void {
    const last = this.#lastSealed;
    if (!last || head.position > last.position) return;
    if (head.position === last.position && head.digest.equals(last.digest)) return;
    this.logger.error(
      { sealed: formatHead(last), found: formatHead(head) },
      'the audit log has lost rows that were sealed',
    );
  }

  /** Once a minute, from one replica: a copy of the head where who changes the database cannot reach it. */
  async #noteHead(): Promise<void> {
    const head = await this.database.transaction(async (tx) => {
      const [[row]] = await tx.query<[{ position: string; digest: Buffer }[]]>(
        `UPDATE audit_chain SET noted_at = clock_timestamp()
         WHERE single = (SELECT single FROM audit_chain
           WHERE noted_at < clock_timestamp() - interval '1 minute' OR noted_at > clock_timestamp()
           FOR UPDATE SKIP LOCKED)
         RETURNING position, digest`,
      );
      return row && { position: Number(row.position), digest: row.digest };
    });
    if (head) {
      this.logger.info(
        { position: head.position, head: formatHead(head) },
        'head of the audit log',
      );
    }
  }
}

/** Rows that are being erased at the moment are left for the next turn. */
function unsealedRows(tx: EntityManager): Promise<UnsealedRow[]> {
  return tx.query(
    `SELECT ${CHAINED_COLUMNS}, personal::text AS personal FROM audit
     WHERE position IS NULL ORDER BY audit.id LIMIT $1 FOR UPDATE SKIP LOCKED`,
    [PAGE_SIZE],
  );
}

function chain(key: Buffer, head: AuditHead, rows: readonly UnsealedRow[]): Link[] {
  let { position, digest } = head;
  return rows.map(({ personal, ...row }) => {
    const salt = personal === null ? null : randomBytes(32);
    const personalDigest =
      salt === null || personal === null ? null : digestOfPersonal(salt, personal);
    position += 1;
    digest = digestOf(key, digest, position, row, personalDigest);
    return { id: row.id, position, digest, salt, personalDigest };
  });
}

async function write(tx: EntityManager, links: readonly Link[], head: AuditHead): Promise<void> {
  await tx.query(
    `UPDATE audit SET position = link.position, digest = link.digest, personal_salt = link.salt,
       personal_digest = link.personal_digest
     FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[])
       AS link (id, position, digest, salt, personal_digest)
     WHERE audit.id = link.id`,
    [
      links.map(({ id }) => id),
      links.map(({ position }) => position),
      links.map(({ digest }) => digest),
      links.map(({ salt }) => salt),
      links.map(({ personalDigest }) => personalDigest),
    ],
  );
  await tx.query(`UPDATE audit_chain SET position = $1, digest = $2`, [head.position, head.digest]);
}
