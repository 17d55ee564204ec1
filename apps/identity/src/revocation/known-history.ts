import type { Position } from '@countersign/revocation';

/** What this database knows of the history of one epoch. */
export interface KnownHistory {
  readonly head: Position;
  /** Of earlier epochs nothing can have been lost that matters: everything ended when this one began. */
  readonly endedBelow: number;
  /** The last `seq` of the epoch asked for, when it is closed and known. */
  readonly closedAt: number | undefined;
}

/** Whether `position` lies in a part of history that this database does not have, and that nothing has made good yet. */
export function claimsLostHistory(position: Position, known: KnownHistory): boolean {
  if (position.epoch < known.endedBelow) return false;
  if (position.epoch > known.head.epoch) return true;
  if (position.epoch === known.head.epoch) return position.seq > known.head.seq;
  return known.closedAt === undefined || position.seq > known.closedAt;
}
