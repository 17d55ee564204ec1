import type { FeedFrame, Heartbeat } from './feed-frame.js';
import type { Instant } from './instant.js';
import { comparePositions } from './position.js';
import type { Position } from './position.js';
import type { RevocationEvent } from './revocation-event.js';

/** What a channel does to the replica that it feeds. */
export interface ChannelTarget {
  position(): Position | undefined;
  remember(event: RevocationEvent): void;
  /** Everything up to `position` has been applied. */
  advance(position: Position): void;
  /** The heartbeat's head has been applied. */
  believe(heartbeat: Heartbeat, now: Instant): void;
  countDropped(): void;
}

/**
 * The frames of one source, and the rules by which they may be believed to be complete: inside an epoch `seq` has no holes,
 * a replay is bracketed by `begin` and `end`, and a heartbeat never runs ahead of what came before it.
 */
export class ReplicaChannel {
  #replay: { readonly epoch: number; readonly head: number; broken: boolean } | undefined;

  constructor(private readonly target: ChannelTarget) {}

  /** Counts an entry that could not be read. It fills no place in the order: the gap it leaves forces a replay. */
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
        return this.#event(frame.event);
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
    this.#replay = { epoch: frame.epoch, head: frame.head, broken: false };
    return 'ok';
  }

  #end(frame: FeedFrame & { type: 'end' }): 'ok' | 'replay' {
    const replay = this.#replay;
    this.#replay = undefined;
    if (!replay || replay.broken) return 'replay';
    if (replay.epoch !== frame.epoch || replay.head !== frame.head) return 'replay';
    this.target.advance({ epoch: frame.epoch, seq: frame.head });
    return 'ok';
  }

  #event(event: RevocationEvent): 'ok' | 'replay' {
    // Applied first: an early or repeated revocation is still a revocation.
    this.target.remember(event);
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
