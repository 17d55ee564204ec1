import { RevocationFormatError } from '@countersign/revocation';
import type { FeedFrame, Heartbeat } from '@countersign/revocation';
import type { Redis } from 'ioredis';
import { decodeEntry } from './stream-entry.js';
import type { RawEntry, StreamEntry } from './stream-entry.js';

/** Entries that are taken at a time: few enough that nothing else in the process waits for long. */
export const PAGE_SIZE = 500;

/** The stream does not hold, or does not show, everything that is live. What is known stays in force. */
export class StreamIncomplete extends Error {
  override readonly name = 'StreamIncomplete';
}

/** A heartbeat from the stream: its writer's word that everything live up to `head` is in the entries before it. */
export interface Anchor {
  readonly entry: RawEntry;
  readonly heartbeat: Heartbeat;
  readonly generation: number;
  /** How many entries the stream held with it. */
  readonly entries: number;
}

/** The newest heartbeat of a stream that is complete. @throws {StreamIncomplete} when there is none */
export async function findAnchor(redis: Redis, stream: string): Promise<Anchor> {
  let before = '+';
  for (;;) {
    const page = await redis.xrevrange(stream, before, '-', 'COUNT', PAGE_SIZE);
    if (page.length === 0) break;
    for (const entry of page) {
      const read = tryDecode(entry);
      if (read?.frame.type === 'begin') {
        throw new StreamIncomplete('the stream in Redis is being written anew');
      }
      const anchor = read && anchorOf(entry, read);
      if (anchor) return anchor;
    }
    before = `(${page.at(-1)?.[0] ?? ''}`;
  }
  throw new StreamIncomplete(
    before === '+' ? 'the stream in Redis is empty' : 'the stream in Redis has no heartbeat',
  );
}

/** The anchor that an entry is, if it is one. */
export function anchorOf(entry: RawEntry, read: StreamEntry): Anchor | undefined {
  const { frame, generation = 0, entries } = read;
  if (frame.type !== 'heartbeat' || entries === undefined) return undefined;
  return { entry, heartbeat: frame.heartbeat, generation, entries };
}

/**
 * Reads everything from the beginning up to `anchor`, and brackets it as one replay.
 *
 * @param receive takes the frames, the two marks and the heartbeat included
 * @param drop counts an entry that could not be read
 * @throws {StreamIncomplete} when entries that the anchor vouches for are not there
 */
export async function replayUpTo(
  anchor: Anchor,
  { redis, stream, receive, drop }: StreamReading,
): Promise<void> {
  const { epoch, head } = anchor.heartbeat;
  receive({ type: 'begin', epoch, after: 0, head });
  let seen = 0;
  let from = '-';
  for (;;) {
    const page = await redis.xrange(stream, from, anchor.entry[0], 'COUNT', PAGE_SIZE);
    for (const entry of page) {
      const frame = decode(entry, drop)?.frame;
      if (frame?.type === 'revocation') receive(frame);
    }
    seen += page.length;
    if (page.length < PAGE_SIZE) break;
    from = `(${page.at(-1)?.[0] ?? ''}`;
  }
  if (seen < anchor.entries) {
    throw new StreamIncomplete(
      `the stream in Redis holds ${String(seen)} of ${String(anchor.entries)} entries`,
    );
  }
  receive({ type: 'end', epoch, head });
  receive({ type: 'heartbeat', heartbeat: anchor.heartbeat });
}

export interface StreamReading {
  readonly redis: Redis;
  readonly stream: string;
  readonly receive: (frame: FeedFrame) => void;
  readonly drop: () => void;
}

/** Decodes an entry; one that is malformed is counted by `drop`. */
export function decode(entry: RawEntry, drop: () => void): StreamEntry | undefined {
  try {
    return decodeEntry(entry);
  } catch (error) {
    if (!(error instanceof RevocationFormatError)) throw error;
    drop();
    return undefined;
  }
}

function tryDecode(entry: RawEntry): StreamEntry | undefined {
  return decode(entry, () => undefined);
}
