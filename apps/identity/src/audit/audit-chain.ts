import { createHmac } from 'node:crypto';
import type { EntityManager } from 'typeorm';

/** A row of the audit log as the database spells it, so that nothing is lost on the way: every column that the chain covers. */
export interface ChainedRow {
  readonly id: string;
  /** Seconds since 1970, with all digits. */
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly target: string | null;
  readonly accountId: string | null;
  /** `jsonb` as text; Postgres writes equal values alike. */
  readonly details: string;
}

/** What {@link ChainedRow} is read from. */
export const CHAINED_COLUMNS = `id::text AS id, extract(epoch FROM at)::text AS at, actor, action, target,
  account_id::text AS "accountId", details::text AS details`;

/** How far the chain goes: 0 before the first row. */
export interface AuditHead {
  readonly position: number;
  /** HMAC-SHA-256. */
  readonly digest: Buffer;
}

/** What the first row is chained to. */
export const BEFORE_THE_FIRST = Buffer.alloc(32);

/**
 * The digest of a row at its position, over the digest before it: changing, removing or moving one row changes all that
 * follow. Of what is personal it covers the digest alone, which stays when that is erased.
 */
export function digestOf(
  key: Buffer,
  previous: Buffer,
  position: number,
  row: ChainedRow,
  personalDigest: Buffer | null,
): Buffer {
  const { id, at, actor, action, target, accountId, details } = row;
  const personal = personalDigest?.toString('hex') ?? null;
  const text = [position, id, at, actor, action, target, accountId, details, personal];
  return createHmac('sha256', key).update(previous).update(JSON.stringify(text)).digest();
}

/** The digest of what is personal. Without its salt nobody can find by trying what it was, whatever keys they hold. */
export function digestOfPersonal(salt: Buffer, personal: string): Buffer {
  return createHmac('sha256', salt).update(personal).digest();
}

/** `<position>:<digest>`, as it is logged and as `audit verify --head` takes it. */
export function formatHead({ position, digest }: AuditHead): string {
  return `${String(position)}:${digest.toString('base64url')}`;
}

/** `undefined` for anything that {@link formatHead} does not write. */
export function parseHead(text: string): AuditHead | undefined {
  const [, position, encoded] = /^(\d{1,15}):([A-Za-z0-9_-]{43})$/.exec(text) ?? [];
  if (position === undefined || encoded === undefined) return undefined;
  const head = { position: Number(position), digest: Buffer.from(encoded, 'base64url') };
  return formatHead(head) === text ? head : undefined;
}

interface HeadRow {
  readonly position: string;
  readonly digest: Buffer;
}

/**
 * The head as the database has it.
 *
 * @param lock to read it for sealing more: `undefined` then also when somebody else does that at the moment
 */
export async function readAuditHead(
  manager: EntityManager,
  lock: '' | 'FOR UPDATE SKIP LOCKED' = '',
): Promise<AuditHead | undefined> {
  const [row] = await manager.query<HeadRow[]>(`SELECT position, digest FROM audit_chain ${lock}`);
  return row && { position: Number(row.position), digest: row.digest };
}
