import { Injectable } from '@nestjs/common';
import type { Heartbeat, Position, RevocationEvent } from '@countersign/revocation';
import type { Trimming } from '@countersign/revocation-redis';
import { systemClock } from '@countersign/token-verifier';
import { HeartbeatProof } from '../revocation/heartbeat-proof.js';
import { RevocationLog } from '../revocation/revocation-log.js';

/** Entries are read and written so many at a time. */
const PAGE_SIZE = 500;
/** Entries stay in the stream this much longer than they can be live, seconds: clocks of databases and Redis servers differ. */
const RETENTION_MARGIN_SECONDS = 300;

/** The head of the log as just read from the primary, ready to be announced. */
export interface LogReading {
  readonly head: Position;
  readonly heartbeat: Heartbeat;
  /** When the reading began, on the monotonic clock. */
  readonly readAtMs: number;
  /** The first live entries after what was asked for, of the same instant. */
  readonly page: readonly RevocationEvent[];
}

/** The log of revocations as the relay reads it. */
@Injectable()
export class RelayedLog {
  constructor(
    private readonly log: RevocationLog,
    private readonly proof: HeartbeatProof,
  ) {}

  /**
   * @param after asks for the entries after it too
   * @throws {DomainError} `database_unavailable` when there is no answer from the primary that the log is written in
   */
  async read(after?: Position): Promise<LogReading> {
    const readAtMs = systemClock.monotonicMs();
    const { head: reading, events } = after
      ? await this.log.read(after, PAGE_SIZE)
      : { head: await this.log.head(), events: [] };
    const { epoch, seq, readAt } = reading;
    const head = { epoch, seq };
    const proof = this.proof.proofOf(head);
    return { head, heartbeat: { epoch, head: seq, readAt, proof }, readAtMs, page: events };
  }

  /** The live entries after `after` up to `upTo`, in order, in pages, of which the first may be known. */
  between(
    after: Position,
    upTo: Position,
    firstPage?: readonly RevocationEvent[],
  ): AsyncGenerator<readonly RevocationEvent[]> {
    return this.log.pages(after, upTo, PAGE_SIZE, firstPage);
  }

  async trimming(upTo: Position): Promise<Trimming> {
    return {
      retentionSeconds: (await this.log.longestLife()) + RETENTION_MARGIN_SECONDS,
      permanent: await this.log.permanent(upTo),
    };
  }
}
