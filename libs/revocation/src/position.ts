/**
 * A place in the ordered log of revocations. `epoch` is raised when history was lost or rewritten; `seq` counts from 1
 * without holes inside an epoch, and 0 stands before the first event.
 */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** Orders positions: negative when `a` is earlier than `b`, zero when equal, positive when later. */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch === b.epoch ? a.seq - b.seq : a.epoch - b.epoch;
}

/** The wire form `epoch.seq`, used as the SSE event id and in URLs. */
export function formatPosition({ epoch, seq }: Position): string {
  return `${String(epoch)}.${String(seq)}`;
}

/** Reads the wire form `epoch.seq`; `undefined` for anything else. */
export function parsePosition(text: string): Position | undefined {
  const match = /^(\d{1,9})\.(\d{1,15})$/.exec(text);
  if (!match) return undefined;
  return { epoch: Number(match[1]), seq: Number(match[2]) };
}
