import type { EntityManager } from 'typeorm';
import { LEAST_PERSONAL_RETENTION_DAYS } from '../config/identity-config.js';
import type { Database } from '../platform/database.js';
import { readAuditBacklog } from './audit-backlog.js';
import type { AuditBacklog } from './audit-backlog.js';
import { BEFORE_THE_FIRST, CHAINED_COLUMNS } from './audit-chain.js';
import type { AuditHead } from './audit-chain.js';
import { AuditLinks, headFault } from './audit-links.js';
import type { AuditFault, SealedRow } from './audit-links.js';

/** Rows that are read at once. */
const PAGE_SIZE = 2_000;
/** So many faults are told in full; the others are counted. */
const MAX_FAULTS = 100;

/** What came of a walk along the whole chain. */
export interface AuditVerdict {
  /** The head that the walk came to. Note it: the next walk can be held to it. */
  readonly head: AuditHead;
  /** Rows that were checked, and those of them whose personal part was erased. */
  readonly rows: number;
  readonly erased: number;
  readonly unsealed: AuditBacklog;
  readonly faults: readonly AuditFault[];
  readonly faultCount: number;
}

export interface VerificationOptions {
  /** A head that was noted earlier. */
  readonly noted?: AuditHead | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

interface PageRow extends Omit<SealedRow, 'position'> {
  readonly headPosition: string;
  readonly headDigest: Buffer;
  /** Of no row on a page without any. */
  readonly position: string | null;
}
interface Page {
  readonly head: AuditHead;
  readonly rows: readonly SealedRow[];
}

/**
 * Checks every sealed row, while others go on to write and to seal.
 *
 * @throws {TypeError} when the row of the head is not there
 */
export async function verifyAuditLog(
  database: Database,
  key: Buffer,
  { noted, onProgress }: VerificationOptions = {},
): Promise<AuditVerdict> {
  const links = new AuditLinks(key);
  const faults = new Faults();
  let [rows, erased] = [0, 0];
  let after = { position: '-9223372036854775808', id: '0' };
  let notedIsFor: Buffer | null | undefined = noted?.position === 0 ? BEFORE_THE_FIRST : undefined;
  for (;;) {
    const page = await database.run((manager) => readPage(manager, after));
    const isOnRecord = await database.run((manager) => readErasures(manager, page.rows));
    for (const row of page.rows) {
      faults.add(links.next(row, isOnRecord));
      if (row.personalDigest && row.personal === null) erased += 1;
      if (row.position === noted?.position) notedIsFor ??= row.digest;
    }
    rows += page.rows.length;
    onProgress?.(rows, page.head.position);
    const last = page.rows.at(-1);
    if (last) after = { position: String(last.position), id: last.id };
    if (page.rows.length === PAGE_SIZE) continue;

    faults.add(endFaults(page.head, links));
    const fault = noted && headFault(noted, notedIsFor);
    if (fault) faults.add([fault]);
    return {
      head: { position: links.position, digest: links.digest },
      rows,
      erased,
      unsealed: await database.run(readAuditBacklog),
      faults: faults.told,
      faultCount: faults.count,
    };
  }
}

/** Some rows, and the head at the same moment. */
async function readPage(
  manager: EntityManager,
  after: { readonly position: string; readonly id: string },
): Promise<Page> {
  const rows = await manager.query<PageRow[]>(
    `SELECT chain.position AS "headPosition", chain.digest AS "headDigest", page.*
     FROM audit_chain AS chain LEFT JOIN LATERAL (
       SELECT ${CHAINED_COLUMNS}, position, digest, personal::text AS personal,
         personal_salt AS "personalSalt", personal_digest AS "personalDigest"
       FROM audit WHERE (position, audit.id) > ($1, $2)
       ORDER BY audit.position, audit.id LIMIT $3) AS page ON true
     ORDER BY page.position, page.id::bigint`,
    [after.position, after.id, PAGE_SIZE],
  );
  const [first] = rows;
  if (!first) throw new TypeError('the table audit_chain has lost its row');
  return {
    head: { position: Number(first.headPosition), digest: first.headDigest },
    rows: rows.flatMap((row) =>
      row.position === null ? [] : [{ ...row, position: Number(row.position) }],
    ),
  };
}

/**
 * Which erasures are on record: of an account, up to the position of the record, where one that is not sealed yet covers all;
 * by age, up to the time that the latest record names. A record that names a time at which nothing can have been old enough is not
 * believed: whoever may write rows could excuse with it what they erased.
 */
async function readErasures(
  manager: EntityManager,
  rows: readonly SealedRow[],
): Promise<(row: SealedRow) => boolean> {
  const erased = rows.filter(({ personal, personalDigest }) => personalDigest && personal === null);
  if (erased.length === 0) return () => false;
  const accounts = new Set(erased.flatMap(({ accountId }) => accountId ?? []));
  const found = await manager.query<{ account: string; up_to: string | null }[]>(
    `SELECT account_id::text AS account,
       CASE WHEN bool_or(position IS NULL) THEN NULL ELSE max(position) END AS up_to
     FROM audit WHERE action = 'personal.erase' AND account_id = ANY($1) GROUP BY account_id`,
    [[...accounts]],
  );
  const positions = new Map(
    found.map(({ account, up_to: upTo }) => [account, upTo === null ? Infinity : Number(upTo)]),
  );
  const [byAge] = await manager.query<[{ up_to: string | null }]>(
    `SELECT max(named.up_to)::text AS up_to FROM audit,
       LATERAL (SELECT CASE WHEN jsonb_typeof(details -> 'up_to') = 'number'
         THEN (details ->> 'up_to')::numeric END AS up_to) AS named
     WHERE action = 'personal.erase' AND account_id IS NULL AND at <= clock_timestamp()
       AND named.up_to <= extract(epoch FROM at - make_interval(days => $1))`,
    [LEAST_PERSONAL_RETENTION_DAYS],
  );
  const upTo = byAge.up_to === null ? -Infinity : Number(byAge.up_to);
  return ({ accountId, position, at }) =>
    Number(at) <= upTo || (positions.get(accountId ?? '') ?? 0) > position;
}

function endFaults(head: AuditHead, links: AuditLinks): AuditFault[] {
  const { position } = head;
  if (position === links.position && links.digest.equals(head.digest)) return [];
  const [kind, detail] =
    position > links.position
      ? ([
          'removed',
          `the last rows are missing: the database's own head is ${String(position)}`,
        ] as const)
      : (['rewritten', `the database's own head is ${String(position)}, and another one`] as const);
  return [{ kind, position: links.position + 1, id: null, detail }];
}

class Faults {
  readonly told: AuditFault[] = [];
  count = 0;

  add(faults: readonly AuditFault[]): void {
    this.count += faults.length;
    this.told.push(...faults.slice(0, MAX_FAULTS - this.told.length));
  }
}
