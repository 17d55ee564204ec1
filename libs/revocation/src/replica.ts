import type { FeedFrame, Heartbeat } from './feed-frame.js';
import { IdFilter } from './id-filter.js';
import { comparePositions } from './position.js';
import type { Position } from './position.js';
import { ReplicaChannel } from './replica-channel.js';
import type { Instant } from './instant.js';
import type { RevocationEvent } from './revocation-event.js';

/** What the replica needs to know of a verified token. `issuedAt` in NumericDate seconds. */
export interface RevocableToken {
  /** `jti` */
  readonly tokenId: string;
  /** `sub` */
  readonly subject: string;
  readonly clientId: string;
  /** `kid` */
  readonly keyId: string;
  readonly issuedAt: number;
  /** `sid`; absent for a service token. */
  readonly sessionId?: string | undefined;
}

/** How old the newest heartbeat may be, milliseconds: past `softMs` it is an alarm, past `hardMs` the replica is stale. */
export interface ReplicaLimits {
  readonly softMs: number;
  readonly hardMs: number;
}

/** `fresh`: in force and up to date. `late`: in force, past the soft limit. `stale`: no answer may be built on it. */
export type Freshness = 'fresh' | 'late' | 'stale';

export interface ReplicaState {
  readonly position: Position | undefined;
  readonly entries: number;
  readonly heartbeatAgeMs: number;
  readonly freshness: Freshness;
  readonly dropped: number;
}

interface Cutoff {
  readonly cutoff: number;
  readonly expiresAt: number;
}

/**
 * The set of live revocations that a verifier keeps in memory, and the rules by which it grows: union of identifiers,
 * maximum of cut-offs, and nothing is taken back before its time, whatever the channel says.
 *
 * Pure: it reads no clock and does no I/O. Each source hands its frames to a channel of its own; when the answer is
 * `replay`, that source starts again from a snapshot while everything known stays in force.
 */
export class RevocationReplica {
  readonly #identifiers = {
    jti: new Map<string, number>(),
    sid: new Map<string, number>(),
  };
  readonly #cutoffs = {
    sub: new Map<string, Cutoff>(),
    client: new Map<string, Cutoff>(),
  };
  readonly #kids = new Set<string>();
  readonly #filter = new IdFilter();
  #all: Cutoff | undefined;
  #position: Position | undefined;
  #heartbeat: Received | undefined;
  #dropped = 0;
  #version = 0;
  readonly #ownChannel: ReplicaChannel;

  constructor(private readonly limits: ReplicaLimits) {
    this.#ownChannel = this.openChannel();
  }

  /**
   * A way in for one source. Each has its own replays and gaps; all feed one set. So whichever source is first with an event
   * counts, and a gap in one is that one's alone.
   */
  openChannel(): ReplicaChannel {
    return new ReplicaChannel({
      position: () => this.#position,
      remember: (event) => this.#remember(event),
      advance: (position) => this.#advance(position),
      believe: (heartbeat, now) => this.#believe(heartbeat, now),
      countDropped: () => void (this.#dropped += 1),
    });
  }

  /** The last event applied with none missing before it; `undefined` until a first replay is complete. */
  get position(): Position | undefined {
    return this.#position;
  }

  /**
   * Rises whenever something more is revoked. Since nothing is ever un-revoked, a token that was not revoked at one version is
   * not revoked at that version.
   */
  get version(): number {
    return this.#version;
  }

  /** The `proof` of the newest heartbeat that this replica has caught up with. */
  get proof(): string | undefined {
    return this.#heartbeat?.value.proof;
  }

  /** {@link ReplicaChannel.drop}, for a replica with a single source. */
  drop(): void {
    this.#ownChannel.drop();
  }

  /** {@link ReplicaChannel.receive}, for a replica with a single source. */
  receive(frame: FeedFrame, now: Instant): 'ok' | 'replay' {
    return this.#ownChannel.receive(frame, now);
  }

  /** Whether `token` is revoked, by what is known. Says nothing about whether that knowledge is recent. */
  isRevoked(token: RevocableToken): boolean {
    const { tokenId, sessionId, subject, clientId, keyId, issuedAt } = token;
    const filter = this.#filter;
    return (
      (filter.mayHave(tokenId) && this.#identifiers.jti.has(tokenId)) ||
      (sessionId !== undefined &&
        filter.mayHave(sessionId) &&
        this.#identifiers.sid.has(sessionId)) ||
      (filter.mayHave(subject) && covers(this.#cutoffs.sub.get(subject), issuedAt)) ||
      (filter.mayHave(clientId) && covers(this.#cutoffs.client.get(clientId), issuedAt)) ||
      (this.#kids.size > 0 && this.#kids.has(keyId)) ||
      covers(this.#all, issuedAt)
    );
  }

  /** Whether everything up to `target` has been applied. */
  hasApplied(target: Position): boolean {
    return this.#position !== undefined && comparePositions(this.#position, target) >= 0;
  }

  /**
   * How far the replica may be believed at `now`: by the age of the newest heartbeat whose head it has applied. The age
   * is the larger of the wall clock's distance to the database read and the time since arrival.
   */
  freshness(now: Instant): Freshness {
    const age = this.#ageMs(now);
    if (age > this.limits.hardMs) return 'stale';
    return age > this.limits.softMs ? 'late' : 'fresh';
  }

  state(now: Instant): ReplicaState {
    const { jti, sid } = this.#identifiers;
    const { sub, client } = this.#cutoffs;
    return {
      position: this.#position,
      entries: jti.size + sid.size + sub.size + client.size + this.#kids.size + (this.#all ? 1 : 0),
      heartbeatAgeMs: this.#ageMs(now),
      freshness: this.freshness(now),
      dropped: this.#dropped,
    };
  }

  /** Forgets entries that cover no live token any more. `nowSeconds` is NumericDate; entries of a `kid` never end. */
  sweep(nowSeconds: number): void {
    let forgotten = 0;
    const forget = <T>(entries: Map<string, T>, expiryOf: (entry: T) => number) => {
      for (const [id, entry] of entries) {
        if (expiryOf(entry) < nowSeconds && entries.delete(id)) forgotten += 1;
      }
    };
    const { jti, sid } = this.#identifiers;
    const { sub, client } = this.#cutoffs;
    for (const ids of [jti, sid]) forget(ids, (expiresAt) => expiresAt);
    for (const cutoffs of [sub, client]) forget(cutoffs, ({ expiresAt }) => expiresAt);
    if (this.#all && this.#all.expiresAt < nowSeconds) this.#all = undefined;
    if (forgotten === 0) return;
    this.#filter.clear();
    for (const known of [jti, sid, sub, client])
      for (const id of known.keys()) this.#filter.add(id);
  }

  #believe(heartbeat: Heartbeat, now: Instant): void {
    // Whichever is younger: a repeated one must not win, nor a database clock that was set back lose.
    const known = this.#ageMs(now);
    const latest = { value: heartbeat, arrivedMs: now.monotonicMs };
    if (ageMs(latest, now) <= known) this.#heartbeat = latest;
  }

  #remember(event: RevocationEvent): void {
    const { kind, id } = event;
    this.#version += 1;
    if (kind === 'kid') {
      this.#kids.add(id);
      return;
    }
    this.#filter.add(id);
    const expiresAt = event.expiresAt ?? Number.POSITIVE_INFINITY;
    if (kind === 'jti' || kind === 'sid') {
      const known = this.#identifiers[kind].get(id) ?? 0;
      this.#identifiers[kind].set(id, Math.max(known, expiresAt));
      return;
    }
    const entry = { cutoff: event.cutoff ?? 0, expiresAt };
    if (kind === 'all') this.#all = later(this.#all, entry);
    else this.#cutoffs[kind].set(id, later(this.#cutoffs[kind].get(id), entry));
  }

  #advance(position: Position): void {
    if (!this.#position || comparePositions(position, this.#position) > 0)
      this.#position = position;
  }

  #ageMs(now: Instant): number {
    return this.#heartbeat ? ageMs(this.#heartbeat, now) : Number.POSITIVE_INFINITY;
  }
}

/** A heartbeat and when it came, on the monotonic clock. */
interface Received {
  readonly value: Heartbeat;
  readonly arrivedMs: number;
}

function ageMs({ value, arrivedMs }: Received, now: Instant): number {
  return Math.max(now.wallMs - value.readAt * 1000, now.monotonicMs - arrivedMs);
}

function covers(entry: Cutoff | undefined, issuedAt: number): boolean {
  return entry !== undefined && issuedAt <= entry.cutoff;
}

function later(known: Cutoff | undefined, entry: Cutoff): Cutoff {
  if (!known) return entry;
  return {
    cutoff: Math.max(known.cutoff, entry.cutoff),
    expiresAt: Math.max(known.expiresAt, entry.expiresAt),
  };
}
