import type { RevocationEvent, RevocationKind } from '@countersign/revocation';

/** A row of `revocations` as the driver gives it: 64-bit integers as text. */
export interface RevocationRow {
  readonly epoch: number;
  readonly seq: string;
  readonly kind: RevocationKind;
  readonly id: string;
  readonly cutoff: string | null;
  readonly expires_at: string | null;
  readonly at: string;
  readonly receipt_wanted: boolean;
}

export function toRevocationEvent(row: RevocationRow): RevocationEvent {
  return {
    epoch: row.epoch,
    seq: Number(row.seq),
    kind: row.kind,
    id: row.id,
    ...(row.cutoff === null ? {} : { cutoff: Number(row.cutoff) }),
    expiresAt: row.expires_at === null ? null : Number(row.expires_at),
    at: Number(row.at),
    ...(row.receipt_wanted && { receiptWanted: true as const }),
  };
}
