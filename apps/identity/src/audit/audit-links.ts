import { BEFORE_THE_FIRST, digestOf, digestOfPersonal } from './audit-chain.js';
import type { AuditHead, ChainedRow } from './audit-chain.js';

/** A sealed row with all that is to be checked of it. */
export interface SealedRow extends ChainedRow {
  readonly position: number;
  readonly digest: Buffer | null;
  readonly personal: string | null;
  readonly personalSalt: Buffer | null;
  readonly personalDigest: Buffer | null;
}

/**
 * What is wrong, at a position. `changed`: the row there is not the one that was sealed: it was changed, replaced or moved.
 * `removed`: rows are missing. `inserted`: a row too many. `personal_changed`, `personal_missing`: of what was personal;
 * missing means that no erasure is on record. `head_missed`: the log ends before a head that was noted, or is
 * another one there. `rewritten`: it ends elsewhere than the database's own head says.
 */
export interface AuditFault {
  readonly kind:
    | 'changed'
    | 'removed'
    | 'inserted'
    | 'personal_changed'
    | 'personal_missing'
    | 'head_missed'
    | 'rewritten';
  readonly position: number;
  /** Of the row, when there is one. */
  readonly id: string | null;
  readonly detail: string;
}

/** Walks along the chain, row by row in the order of positions, and says what is wrong with each. Pure. */
export class AuditLinks {
  #position = 0;
  /** What the next row may be chained to; none after a gap. */
  #previous: readonly Buffer[] = [BEFORE_THE_FIRST];

  constructor(private readonly key: Buffer) {}

  /** The position of the last row. */
  get position(): number {
    return this.#position;
  }

  /** The last row's digest as it is stored. */
  get digest(): Buffer {
    return this.#previous[0] ?? BEFORE_THE_FIRST;
  }

  /** @param isOnRecord whether it is, that what was personal in the row was erased */
  next(row: SealedRow, isOnRecord: (row: SealedRow) => boolean): AuditFault[] {
    const { position, id } = row;
    if (position <= this.#position) {
      return [{ kind: 'inserted', position, id, detail: 'a position is taken twice' }];
    }
    const gap = this.#gapBefore(row);
    const computed = this.#previous.map((previous) =>
      digestOf(this.key, previous, position, row, row.personalDigest),
    );
    const { digest } = row;
    const holds = digest !== null && computed.some((one) => one.equals(digest));
    const judged = computed.length > 0;
    // Where digests alone were changed, the next row still hangs on the right one.
    this.#previous = [digest ?? Buffer.alloc(0), ...(holds ? [] : computed.slice(-1))];
    this.#position = position;
    return [
      ...gap,
      ...(judged && !holds
        ? [{ kind: 'changed' as const, position, id, detail: 'it is not the row that was sealed' }]
        : []),
      ...personalFault(row, isOnRecord),
    ];
  }

  #gapBefore({ position }: SealedRow): AuditFault[] {
    const first = this.#position + 1;
    const missing = position - first;
    if (missing === 0) return [];
    this.#previous = [];
    const detail = `${String(missing)} row(s) are missing: ${String(first)} to ${String(position - 1)}; the row after them cannot be judged`;
    return [{ kind: 'removed', position: first, id: null, detail }];
  }
}

function personalFault(row: SealedRow, isOnRecord: (row: SealedRow) => boolean): AuditFault[] {
  const { position, id, personal, personalSalt: salt, personalDigest: digest } = row;
  if (personal === null) {
    if (digest === null || isOnRecord(row)) return [];
    const detail = 'what was personal is gone, and no erasure is on record';
    return [{ kind: 'personal_missing', position, id, detail }];
  }
  if (digest && salt && digestOfPersonal(salt, personal).equals(digest)) return [];
  const detail = 'what is personal is not what was sealed';
  return [{ kind: 'personal_changed', position, id, detail }];
}

/** Compares a head that was noted with what the log has there. `undefined` when it holds. */
export function headFault(
  noted: AuditHead,
  found: Buffer | null | undefined,
): AuditFault | undefined {
  const { position } = noted;
  if (found?.equals(noted.digest)) return undefined;
  const detail = found
    ? 'the log has another row there than the head that was noted'
    : 'the log has no such row: it was cut, or comes from an older backup';
  return { kind: 'head_missed', position, id: null, detail };
}
