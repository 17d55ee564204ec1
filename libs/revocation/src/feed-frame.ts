import { parseRevocationEvent, RevocationFormatError } from './revocation-event.js';
import type { RevocationEvent } from './revocation-event.js';

/**
 * Proof of life of the truth: identity read the head from the primary database at `readAt`.
 * `proof` is opaque to readers; they hand it back when they check in.
 */
export interface Heartbeat {
  readonly epoch: number;
  /** The last `seq` committed in `epoch`; 0 when there is none. */
  readonly head: number;
  /** Database time of the read, NumericDate seconds with a fraction. */
  readonly readAt: number;
  readonly proof: string;
}

/** The wire shape of a {@link Heartbeat}. */
export interface HeartbeatJson {
  epoch: number;
  head: number;
  read_at: number;
  proof: string;
}

/**
 * One message of the feed.
 *
 * `begin` announces every live event with `after < seq ≤ head`, in order but with holes where entries have ended;
 * `end` closes it. Outside of that, events arrive without holes.
 */
export type FeedFrame =
  | {
      readonly type: 'begin';
      readonly epoch: number;
      readonly after: number;
      readonly head: number;
    }
  | { readonly type: 'revocation'; readonly event: RevocationEvent }
  | { readonly type: 'end'; readonly epoch: number; readonly head: number }
  | { readonly type: 'heartbeat'; readonly heartbeat: Heartbeat }
  | { readonly type: 'goodbye' };

/**
 * Reads one frame from its type and its parsed JSON. Unknown types give `undefined`: later versions may add some.
 *
 * @throws {RevocationFormatError} when a known frame is malformed
 */
export function parseFeedFrame(type: string, data: unknown): FeedFrame | undefined {
  switch (type) {
    case 'begin': {
      const raw = object(data);
      const frame = {
        type,
        epoch: whole(raw, 'epoch'),
        after: whole(raw, 'after'),
        head: whole(raw, 'head'),
      } as const;
      if (frame.after > frame.head) throw new RevocationFormatError('after lies beyond head');
      return frame;
    }
    case 'revocation':
      return { type, event: parseRevocationEvent(data) };
    case 'end': {
      const raw = object(data);
      return { type, epoch: whole(raw, 'epoch'), head: whole(raw, 'head') };
    }
    case 'heartbeat':
      return { type, heartbeat: heartbeat(object(data)) };
    case 'goodbye':
      return { type };
    default:
      return undefined;
  }
}

function heartbeat(raw: Record<string, unknown>): Heartbeat {
  const { read_at: readAt, proof } = raw;
  if (typeof readAt !== 'number' || !Number.isFinite(readAt) || readAt < 0) {
    throw new RevocationFormatError('read_at is not a NumericDate');
  }
  if (typeof proof !== 'string' || proof.length > 256) {
    throw new RevocationFormatError('proof is not a string of at most 256 characters');
  }
  return { epoch: whole(raw, 'epoch'), head: whole(raw, 'head'), readAt, proof };
}

function object(data: unknown): Record<string, unknown> {
  if (typeof data !== 'object' || data === null)
    throw new RevocationFormatError('frame is not an object');
  return data as Record<string, unknown>;
}

function whole(raw: Record<string, unknown>, member: string): number {
  const value = raw[member];
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new RevocationFormatError(`${member} is not a counter`);
  }
  return value as number;
}
