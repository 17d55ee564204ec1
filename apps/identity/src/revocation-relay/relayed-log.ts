import { Injectable } from '@nestjs/common';
import type { Heartbeat, Position, RevocationEvent } from '@countersign/revocation';
import type { Trimming } from '@countersign/revocation-redis';
import { systemClock } from '@countersign/token-verifier';
import { Epochs } from '../revocation/epochs.js';
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
}

/** The log of revocations as the relay reads it. */
@Injectable()
export class RelayedLog {
  constructor(
    private readonly log: RevocationLog,
    private readonly epochs: Epochs,
    private readonly proof: HeartbeatProof,
  ) {}

  /** @throws {DomainError} `database_unavailable` when there is no answer from a primary */
  async read(): Promise<LogReading> {
    const readAtMs = systemClock.monotonicMs();
    await this.epochs.follow();
    const { epoch, seq, readAt } = await this.log.head();
    const head = { epoch, seq };
    const proof = this.proof.proofOf(head);
    return { head, heartbeat: { epoch, head: seq, readAt, proof }, readAtMs };
  }

  /** The live entries after `after` up to `upTo`, in order, in pages. */
  async *between(after: Position, upTo: Position): AsyncGenerator<RevocationEvent[]> {
    let from = after;
    for (;;) {
      const page = await this.log.liveBetween(from, upTo, PAGE_SIZE);
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (!last || page.length < PAGE_SIZE) return;
      from = last;
    }
  }

  async trimming(upTo: Position): Promise<Trimming> {
    return {
      retentionSeconds: (await this.log.longestLife()) + RETENTION_MARGIN_SECONDS,
      permanent: await this.log.permanent(upTo),
    };
  }
}
