import {
  parseFeedFrame,
  RevocationFormatError,
  serializeRevocationEvent,
} from '@countersign/revocation';
import type { FeedFrame, Heartbeat, RevocationEvent } from '@countersign/revocation';

/** Where the relay and its readers meet, unless they were told another place. */
export const DEFAULT_STREAM = 'countersign:revocations';

/** One entry of the stream as Redis gives it: its id, and field and value in turn. */
export type RawEntry = readonly [id: string, fields: readonly string[]];

/** What is written for an entry: one field, named after its type, and one value. */
export type EntryField = readonly [field: string, value: string];

/** What an entry carries. `generation` counts the re-emissions; a `revocation` has none. */
export interface StreamEntry {
  readonly frame: FeedFrame;
  readonly generation?: number;
  /**
   * Of a heartbeat: how many entries the stream held with it. Absent while a re-emission is under way, when the stream does
   * not hold everything yet.
   */
  readonly entries?: number;
}

const FIELDS = { begin: 'b', revocation: 'r', end: 'e', heartbeat: 'h' } as const;
const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(FIELDS).map(([type, field]) => [field, type]),
);

/** Short names for members of the wire shapes: a million entries are a million times these names. Others stay as they are. */
const SHORT: Readonly<Record<string, string>> = {
  epoch: 'e',
  seq: 's',
  kind: 'k',
  id: 'i',
  cutoff: 'c',
  expires_at: 'x',
  at: 'a',
  head: 'h',
  generation: 'g',
  entries: 'n',
  receipt_wanted: 'w',
};
const LONG: ReadonlyMap<string, string> = new Map(
  Object.entries(SHORT).map(([long, short]) => [short, long]),
);

export function encodeRevocation(event: RevocationEvent): EntryField {
  return entry('revocation', serializeRevocationEvent(event));
}

/** A mark of a re-emission: `begin` before it, `end` after it. */
export function encodeMark(
  type: 'begin' | 'end',
  mark: { readonly epoch: number; readonly head: number; readonly generation: number },
): EntryField {
  return entry(type, mark);
}

/** The count of entries is added by Redis itself, in the step that appends the heartbeat. */
export function encodeHeartbeat(heartbeat: Heartbeat, generation: number): EntryField {
  const { epoch, head, readAt, proof } = heartbeat;
  return entry('heartbeat', { epoch, head, read_at: readAt, proof, generation });
}

/**
 * Reads one entry; unknown types give `undefined`, and unknown members are ignored, since later versions may add some.
 *
 * @throws {RevocationFormatError} when an entry of a known type is malformed
 */
export function decodeEntry([, fields]: RawEntry): StreamEntry | undefined {
  const type = TYPES.get(fields[0] ?? '');
  if (type === undefined) return undefined;
  const raw = expand(fields[1]);
  // A re-emission is always of everything.
  const frame = parseFeedFrame(type, type === 'begin' ? { after: 0, ...raw } : raw);
  if (!frame) return undefined;
  const { generation, entries } = raw;
  if (frame.type !== 'revocation' && !isCount(generation)) {
    throw new RevocationFormatError('generation is not a counter');
  }
  return {
    frame,
    ...(isCount(generation) && { generation }),
    ...(isCount(entries) && { entries }),
  };
}

function entry(type: keyof typeof FIELDS, data: object): EntryField {
  const short = Object.entries(data).map(([name, value]) => [
    SHORT[name] ?? name,
    value as unknown,
  ]);
  return [FIELDS[type], JSON.stringify(Object.fromEntries(short))];
}

function expand(text: string | undefined): Record<string, unknown> {
  let data: unknown;
  try {
    data = JSON.parse(text ?? '');
  } catch {
    throw new RevocationFormatError('entry is not JSON');
  }
  if (typeof data !== 'object' || data === null) {
    throw new RevocationFormatError('entry is not an object');
  }
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [LONG.get(name) ?? name, value as unknown]),
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
