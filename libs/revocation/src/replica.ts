import { Cutoffs } from './cutoffs.js';
import type { FeedFrame } from './feed-frame.js';
import type { Instant } from './instant.js';
import { NewestHeartbeat } from './newest-heartbeat.js';
import { comparePositions } from './position.js';
import type { Position } from './position.js';
import { ReplicaChannel } from './replica-channel.js';
import type { RevocationEvent } from './revocation-event.js';
import { RevokedIds } from './revoked-ids.js';

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

export interface ReplicaLimits {
  /** Age of the newest heartbeat, milliseconds, past which it is an alarm. */
  readonly softMs: number;
  /** Age of the newest heartbeat, milliseconds, past which the replica is stale. */
  readonly hardMs: number;
  /** How many entries are held at most. What finds no room makes the replica stale. Default four million. */
  readonly maxEntries?: number;
}

/** `fresh`: in force and up to date. `late`: in force, past the soft limit. `stale`: no answer may be built on it. */
export type Freshness = 'fresh' | 'late' | 'stale';

export interface ReplicaState {
  readonly position: Position | undefined;
  readonly entries: number;
  readonly heartbeatAgeMs: number;
  readonly freshness: Freshness;
  /** Entries that could not be read, were beyond belief, or found no room. Any is an alarm. */
  readonly dropped: number;
  /** A revocation found no room: stale until there is room and a replay has brought it again. */
  readonly full: boolean;
}

/** Under 200 megabytes of UUIDs. */
const MAX_ENTRIES = 4_000_000;
const EVERYTHING = '*';

/**
 * The set of live revocations that a verifier keeps in memory, and the rules by which it grows: union of identifiers,
 * maximum of cut-offs, and nothing is taken back before its time, whatever the channel says.
 *
 * Pure: it reads no clock and does no I/O. Each source hands its frames to a channel of its own; when the answer is
 * `replay`, that source starts again from a snapshot while everything known stays in force.
 */
export class RevocationReplica {
  readonly #tokens = new RevokedIds();
  readonly #sessions = new RevokedIds();
  readonly #subjects = new Cutoffs();
  readonly #clients = new Cutoffs();
  readonly #all = new Cutoffs();
  readonly #kids = new Set<string>();
  readonly #heartbeat = new NewestHeartbeat();
  readonly #ownChannel: ReplicaChannel;
  #position: Position | undefined;
  /** The furthest event for which there was no room. */
  #refused: Position | undefined;
  #dropped = 0;
  #version = 0;

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
      noteReplayed: () => this.#noteReplayed(),
      believe: (heartbeat, now) => this.#heartbeat.offer(heartbeat, now),
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
    return this.#heartbeat.value?.proof;
  }

  /** The epoch of the same heartbeat. */
  get provenEpoch(): number | undefined {
    return this.#heartbeat.value?.epoch;
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
    return (
      this.#tokens.has(tokenId) ||
      (sessionId !== undefined && this.#sessions.has(sessionId)) ||
      this.#subjects.covers(subject, issuedAt) ||
      this.#clients.covers(clientId, issuedAt) ||
      this.#all.covers(EVERYTHING, issuedAt) ||
      (this.#kids.size > 0 && this.#kids.has(keyId))
    );
  }

  /** Whether a key is revoked, and with it whatever it may have signed. */
  isKeyRevoked(keyId: string): boolean {
    return this.#kids.has(keyId);
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
    const age = this.#heartbeat.ageMs(now);
    if (age > this.limits.hardMs || this.#refused) return 'stale';
    return age > this.limits.softMs ? 'late' : 'fresh';
  }

  /** Whether the wall clock is more than a minute slower than the database's; then the replica is stale. */
  hasSlowClock(now: Instant): boolean {
    return this.#heartbeat.showsSlowClock(now);
  }

  state(now: Instant): ReplicaState {
    return {
      position: this.#position,
      entries: this.#entries,
      heartbeatAgeMs: this.#heartbeat.ageMs(now),
      freshness: this.freshness(now),
      dropped: this.#dropped,
      full: this.#refused !== undefined,
    };
  }

  /**
   * Forgets entries that cover no live token any more: those that had ended both at `nowSeconds` (NumericDate) and when the
   * newest heartbeat was read from the database, so that neither clock alone brings a revoked token back. Entries of a
   * `kid` never end. Gives back a bounded part of the memory at each call: call it every second.
   */
  sweep(nowSeconds: number): void {
    const readAt = this.#heartbeat.value?.readAt;
    if (readAt === undefined) return;
    const horizon = Math.min(nowSeconds, readAt);
    for (const part of [this.#tokens, this.#sessions, this.#subjects, this.#clients, this.#all])
      part.sweep(horizon);
  }

  get #entries(): number {
    return (
      this.#tokens.size +
      this.#sessions.size +
      this.#subjects.size +
      this.#clients.size +
      this.#all.size +
      this.#kids.size
    );
  }

  /** @returns false when there was no room */
  #remember(event: RevocationEvent): boolean {
    if (this.#entries >= (this.limits.maxEntries ?? MAX_ENTRIES) && !this.#holds(event)) {
      if (!this.#refused || comparePositions(event, this.#refused) > 0) this.#refused = event;
      return false;
    }
    if (this.#add(event)) this.#version += 1;
    return true;
  }

  /** Whether the event would add no entry. */
  #holds({ kind, id }: RevocationEvent): boolean {
    switch (kind) {
      case 'jti':
        return this.#tokens.has(id);
      case 'sid':
        return this.#sessions.has(id);
      case 'sub':
        return this.#subjects.has(id);
      case 'client':
        return this.#clients.has(id);
      case 'all':
      case 'kid':
        // One, and as many as there are keys.
        return true;
    }
  }

  /** @returns whether something more is revoked now */
  #add({ kind, id, cutoff = 0, expiresAt }: RevocationEvent): boolean {
    const end = expiresAt ?? Number.POSITIVE_INFINITY;
    switch (kind) {
      case 'jti':
        return this.#tokens.add(id, end);
      case 'sid':
        return this.#sessions.add(id, end);
      case 'sub':
        return this.#subjects.add(id, cutoff, end);
      case 'client':
        return this.#clients.add(id, cutoff, end);
      case 'all':
        return this.#all.add(EVERYTHING, cutoff, end);
      case 'kid': {
        const isNew = !this.#kids.has(id);
        this.#kids.add(id);
        return isNew;
      }
    }
  }

  #advance(position: Position): void {
    if (!this.#position || comparePositions(position, this.#position) > 0)
      this.#position = position;
  }

  /** Everything live has been seen again, from the beginning, and found room. */
  #noteReplayed(): void {
    if (this.#refused && this.hasApplied(this.#refused)) this.#refused = undefined;
  }
}
