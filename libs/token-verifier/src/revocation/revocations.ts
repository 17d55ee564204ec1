import { comparePositions, RevocationReplica } from '@countersign/revocation';
import type {
  FeedFrame,
  Instant,
  Position,
  ReplicaState,
  RevocableToken,
  RevocationEvent,
} from '@countersign/revocation';
import { CheckInLoop } from './check-in-loop.js';
import type { CheckInPort, CheckInReport, RevocationSource, SourceState } from '../sources.js';

const SWEEP_MS = 1_000;

/** Where revocations come from, and where this instance says how far it has come. */
export interface RevocationParts {
  /** All work at once and feed one replica; whichever is first with an event counts. Put the preferred one first. */
  readonly sources: readonly RevocationSource[];
  readonly checkIn: CheckInPort;
}

/**
 * Why no answer may be built on what is known. `stale`: it was complete once, and is past the hard limit or without room for
 * more; a caller may have declared to go on with it. Otherwise it has not been complete yet, and nobody may.
 */
export interface RevocationFault {
  readonly stale: boolean;
  readonly text: string;
}

const CLOSED: RevocationFault = { stale: false, text: 'the verifier is closed' };
const NOT_CHECKED_IN: RevocationFault = { stale: false, text: 'not checked in yet' };
const NOT_APPLIED: RevocationFault = { stale: false, text: 'revocations not applied yet' };
const NOT_ALIVE: RevocationFault = { stale: false, text: 'no recent heartbeat' };
const SLOW_CLOCK = 'the clock of this host is more than 60 s behind that of the database: set it';
const SLOW_FROM_THE_START: RevocationFault = { stale: false, text: SLOW_CLOCK };
const LAPSED: RevocationFault = { stale: true, text: 'no check-in was answered lately' };
const BEHIND: RevocationFault = { stale: true, text: 'revocations not applied yet' };
const STALE: RevocationFault = { stale: true, text: 'no recent heartbeat' };
const SLOW: RevocationFault = { stale: true, text: SLOW_CLOCK };

/**
 * What becomes of tokens once revocations are older than the hard limit. `closed`: 503. `open`: tokens that no known
 * revocation covers are accepted, each counted as `accepted_stale`. It never applies to keys, nor before revocations were
 * complete for the first time.
 */
export type StaleRevocations = 'closed' | 'open';

/** Whether a caller that has declared so may go on in spite of the fault. */
export function mayGoOn(fault: RevocationFault, declared: StaleRevocations | undefined): boolean {
  return fault.stale && declared === 'open';
}

/** What the replica's owner does for it. */
export interface RevocationsOwner {
  now(): Instant;
  /** Who reports, and which keys it holds. */
  identify(): Pick<CheckInReport, 'instanceId' | 'kids'>;
  /** The event has revoked something more. */
  onRevocation(event: RevocationEvent): void;
  /** Anything has changed that readiness may depend on. */
  onChange(): void;
}

export type RevocationsState = ReplicaState & {
  /** Whether any source is connected. */
  readonly connected: boolean;
  readonly sources: readonly (SourceState & { readonly name: string })[];
};

/** The revocations that one verifier knows: a replica, the sources that feed it, and the check-ins that report it. */
export class Revocations {
  readonly #replica: RevocationReplica;
  readonly #checkIns: CheckInLoop;
  readonly #sweeping: NodeJS.Timeout;
  /** The furthest event that somebody waits for, until it counts as applied. */
  #wanted: Position | undefined;
  /** The last proof of an epoch that is over: it may show that history was lost, so identity must see it. */
  #proofOfBefore: string | undefined;
  #closed = false;
  #wasComplete = false;

  constructor(
    private readonly parts: RevocationParts,
    private readonly staleness: { readonly softSeconds: number; readonly hardSeconds: number },
    private readonly owner: RevocationsOwner,
  ) {
    this.#replica = new RevocationReplica({
      softMs: staleness.softSeconds * 1000,
      hardMs: staleness.hardSeconds * 1000,
    });
    this.#checkIns = new CheckInLoop({
      port: parts.checkIn,
      report: () => this.#report(),
      hasApplied: (position) => this.#replica.hasApplied(position),
      now: () => owner.now(),
      lapseMs: staleness.hardSeconds * 1000,
      onJoined: () => owner.onChange(),
      onAnswered: ({ proof }) => {
        if (proof === this.#proofOfBefore) this.#proofOfBefore = undefined;
      },
    });
    this.#sweeping = setInterval(() => {
      this.#replica.sweep(owner.now().wallMs / 1000);
    }, SWEEP_MS);
    this.#sweeping.unref();
  }

  start(): void {
    for (const source of this.parts.sources) this.#startSource(source);
    this.#checkIns.start();
  }

  /** Rises whenever something more is revoked. */
  get version(): number {
    return this.#replica.version;
  }

  isRevoked(token: RevocableToken): boolean {
    return this.#replica.isRevoked(token);
  }

  isKeyRevoked(keyId: string): boolean {
    return this.#replica.isKeyRevoked(keyId);
  }

  fault(now: Instant): RevocationFault | undefined {
    if (this.#closed) return CLOSED;
    const head = this.#checkIns.joinedAt;
    if (!head) return NOT_CHECKED_IN;
    if (this.#checkIns.hasLapsed(now)) return this.#wasComplete ? LAPSED : NOT_CHECKED_IN;
    if (!this.#replica.hasApplied(head) || this.#checkIns.isBehind(now)) {
      return this.#wasComplete ? BEHIND : NOT_APPLIED;
    }
    if (this.#replica.freshness(now) === 'stale') return this.#staleFault(now);
    this.#wasComplete = true;
    return undefined;
  }

  /** The fault for people: what a source or the check-in met with says more. */
  explain(fault: RevocationFault): string {
    const failing = this.parts.sources.find((source) => source.state().lastError !== undefined);
    return failing?.state().lastError ?? this.#checkIns.lastError ?? fault.text;
  }

  state(now: Instant): RevocationsState {
    const sources = this.parts.sources.map((source) => ({
      name: source.name,
      ...source.state(),
    }));
    return {
      ...this.#replica.state(now),
      connected: sources.some(({ connected }) => connected),
      sources,
    };
  }

  /** Asks for a report, because what it says has changed. */
  checkInSoon(): void {
    this.#checkIns.soon();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeping);
    await Promise.all([
      this.#checkIns.close(),
      ...this.parts.sources.map((source) => source.close()),
    ]);
  }

  #staleFault(now: Instant): RevocationFault {
    if (this.#replica.hasSlowClock(now)) return this.#wasComplete ? SLOW : SLOW_FROM_THE_START;
    return this.#wasComplete ? STALE : NOT_ALIVE;
  }

  #startSource(source: RevocationSource): void {
    const channel = this.#replica.openChannel();
    source.start({
      position: () => this.#replica.position,
      drop: () => channel.drop(),
      receive: (frame) => {
        const { position, version, proof, provenEpoch = 0 } = this.#replica;
        const result = channel.receive(frame, this.owner.now());
        if ((this.#replica.provenEpoch ?? 0) > provenEpoch) this.#proofOfBefore ??= proof;
        if (frame.type === 'revocation' && this.#replica.version !== version) {
          this.owner.onRevocation(frame.event);
        }
        this.#noteReceived(frame);
        const advanced = this.#replica.position !== position;
        if (advanced || frame.type === 'heartbeat') this.owner.onChange();
        return result;
      },
    });
  }

  #noteReceived(frame: FeedFrame): void {
    if (frame.type !== 'revocation' && frame.type !== 'end') return;
    let isAwaited = false;
    if (frame.type === 'revocation' && frame.event.receiptWanted) {
      isAwaited = this.#replica.hasApplied(frame.event);
      if (!isAwaited) this.#want(frame.event);
    }
    // In a replay an event counts as applied with the end of it.
    if (this.#wanted && this.#replica.hasApplied(this.#wanted)) {
      this.#wanted = undefined;
      isAwaited = true;
    }
    if (isAwaited) this.#checkIns.atOnce();
    else this.#checkIns.soon();
  }

  #want(event: Position): void {
    if (!this.#wanted || comparePositions(event, this.#wanted) > 0) this.#wanted = event;
  }

  #report(): CheckInReport {
    return {
      ...this.owner.identify(),
      applied: this.#replica.position,
      proof: this.#proofOfBefore ?? this.#replica.proof,
      hardStalenessSeconds: this.staleness.hardSeconds,
    };
  }
}
