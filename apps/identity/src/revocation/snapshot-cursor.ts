import type { Position } from '@countersign/revocation';

/** Where a paged snapshot stands: the head it was begun at, and the last entry given. */
export interface SnapshotCursor {
  readonly head: Position;
  readonly last: Position;
}

/** The opaque text form. */
export function formatCursor({ head, last }: SnapshotCursor): string {
  return [head.epoch, head.seq, last.epoch, last.seq].join('.');
}

/** Reads {@link formatCursor}'s text; `undefined` for anything else. */
export function parseCursor(text: string): SnapshotCursor | undefined {
  if (!/^\d{1,9}\.\d{1,15}\.\d{1,9}\.\d{1,15}$/.test(text)) return undefined;
  const [headEpoch = 0, headSeq = 0, epoch = 0, seq = 0] = text.split('.').map(Number);
  return { head: { epoch: headEpoch, seq: headSeq }, last: { epoch, seq } };
}
