import { boundsFault } from './event-bounds.js';
import type { FeedFrame, Heartbeat } from './feed-frame.js';
import type { Instant } from './instant.js';
import { comparePositions } from './position.js';
import type { Position } from './position.js';
import type { RevocationEvent } from './revocation-event.js';

/** What a channel does to the replica that it feeds. */
export interface ChannelTarget {
  position(): Position | undefined;
  /** @returns false when there was no room for it */
  remember(event: RevocationEvent): boolean;
  /** Everything up to `position` has been applied. */
  advance(position: Position): void;
  /** A replay from nothing is complete, and {@link advance} has been told. */
  noteReplayed(): void;
  /** The heartbeat's head has been applied. */
  believe(heartbeat: Heartbeat, now: Instant): void;
  countDropped(): void;
}

interface Replay {
  readonly epoch: number;
  readonly after: number;
  readonly head: number;
  /** Something in it was not applied: its end proves nothing. */
  broken: boolean;
}

/**
 * The frames of one source, and the rules by which they may be believed to be complete: inside an epoch `seq` has no holes,
 * a replay is bracketed by `begin` and `end`, and a heartbeat never runs ahead of what came before it.
 */
export class ReplicaChannel {
  #replay: Replay | undefined;

  constructor(private readonly target: ChannelTarget) {}

  /** Counts an entry that is not applied, because it could not be read or cannot be believed. It fills no place in the order: the gap it leaves forces a replay. */
  drop(): void {
    this.target.countDropped();
    if (this.#replay) this.#replay.broken = true;
  }

  /**
   * Takes one frame.
   *
   * @returns `ok`, or `replay` when events are missing and the source must start again from a snapshot
   */
  receive(frame: FeedFrame, now: Instant): 'ok' | 'replay' {
    switch (frame.type) {
      case 'begin':
        return this.#begin(frame);
      case 'revocation':
        return this.#event(frame.event, now);
      case 'end':
        return this.#end(frame);
      case 'heartbeat':
        return this.#beat(frame.heartbeat, now);
      case 'goodbye':
        return 'ok';
    }
  }

  #begin(frame: FeedFrame & { type: 'begin' }): 'ok' | 'replay' {
    const position = this.target.position();
    const continues =
      frame.after === 0 || (position?.epoch === frame.epoch && position.seq >= frame.after);
    if (!continues || this.#isPast(frame)) return 'replay';
    this.#replay = { epoch: frame.epoch, after: frame.after, head: frame.head, broken: false };
    return 'ok';
  }

  #end(frame: FeedFrame & { type: 'end' }): 'ok' | 'replay' {
    const replay = this.#replay;
    this.#replay = undefined;
    if (!replay || replay.broken) return 'replay';
    if (replay.epoch !== frame.epoch || replay.head !== frame.head) return 'replay';
    this.target.advance({ epoch: frame.epoch, seq: frame.head });
    if (replay.after === 0) this.target.noteReplayed();
    return 'ok';
  }

  #event(event: RevocationEvent, now: Instant): 'ok' | 'replay' {
    if (boundsFault(event, now.wallMs / 1000) !== undefined) {
      this.drop();
      return 'ok';
    }
    // Applied first: an early or repeated revocation is still a revocation.
    if (!this.target.remember(event)) {
      this.drop();
      return 'replay';
    }
    // A replay may have holes, where entries have ended; its `end` says how far it reached.
    if (this.#replay) return 'ok';
    const position = this.target.position();
    if (!position || event.epoch > position.epoch) return 'replay';
    if (event.epoch < position.epoch || event.seq <= position.seq) return 'ok';
    if (event.seq !== position.seq + 1) return 'replay';
    this.target.advance({ epoch: event.epoch, seq: event.seq });
    return 'ok';
  }

  #beat(heartbeat: Heartbeat, now: Instant): 'ok' | 'replay' {
    if (this.#isPast(heartbeat)) return 'ok';
    const position = this.target.position();
    const head = { epoch: heartbeat.epoch, seq: heartbeat.head };
    if (!position || comparePositions(position, head) < 0) return this.#replay ? 'ok' : 'replay';
    this.target.believe(heartbeat, now);
    return 'ok';
  }

  #isPast({ epoch }: { readonly epoch: number }): boolean {
    const position = this.target.position();
    return position !== undefined && epoch < position.epoch;
  }
}
