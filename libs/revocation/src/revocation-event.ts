import { boundsFault } from './event-bounds.js';

/**
 * What a revocation names: one token, one session, everything of one user or client up to an instant, everything signed
 * by one key, or everything up to an instant.
 */
export const REVOCATION_KINDS = ['jti', 'sid', 'sub', 'client', 'kid', 'all'] as const;
export type RevocationKind = (typeof REVOCATION_KINDS)[number];

/** Kinds that kill tokens by `iat ≤ cutoff`; the others kill by exact identifier. */
const CUTOFF_KINDS: ReadonlySet<RevocationKind> = new Set(['sub', 'client', 'all']);

/** One entry of the revocation log. Instants are NumericDate seconds (RFC 7519 §2). */
export interface RevocationEvent {
  readonly epoch: number;
  readonly seq: number;
  readonly kind: RevocationKind;
  /** The revoked identifier; `*` for kind `all`. */
  readonly id: string;
  /** For `sub`, `client` and `all`: a token dies when its `iat` is not later than this. Absent otherwise. */
  readonly cutoff?: number;
  /** When the entry covers no live token any more. `null` for kind `kid`: such an entry never ends. */
  readonly expiresAt: number | null;
  /** When it was committed, by the clock of the database. */
  readonly at: number;
  /** Somebody waits for receipts: who applies the event reports it at once. */
  readonly receiptWanted?: true;
}

/** The wire shape of a {@link RevocationEvent}. */
export interface RevocationEventJson {
  epoch: number;
  seq: number;
  kind: RevocationKind;
  id: string;
  cutoff?: number;
  expires_at: number | null;
  at: number;
  receipt_wanted?: true;
}

/** An entry that is not a revocation event within sane bounds. The message names the member, never its value. */
export class RevocationFormatError extends Error {
  override readonly name = 'RevocationFormatError';
}

/**
 * Reads the wire shape of one event. Unknown members are ignored, so that later versions may add some.
 *
 * @throws {RevocationFormatError} when a member is missing, of the wrong type, or outside sane bounds
 */
export function parseRevocationEvent(value: unknown): RevocationEvent {
  if (typeof value !== 'object' || value === null) fail('event', 'is not an object');
  const raw = value as Record<string, unknown>;
  const epoch = count(raw, 'epoch', 1);
  const seq = count(raw, 'seq', 1);
  const at = instant(raw, 'at');
  const kind = raw['kind'];
  if (!isKind(kind)) fail('kind', 'is unknown');
  const id = raw['id'];
  if (typeof id !== 'string') fail('id', 'is not a string');
  const event = {
    epoch,
    seq,
    kind,
    id,
    expiresAt: expiry(raw, kind),
    at,
    // A hint: whatever else stands there asks for nothing.
    ...(raw['receipt_wanted'] === true && { receiptWanted: true as const }),
  };
  if (!CUTOFF_KINDS.has(kind)) {
    if (raw['cutoff'] !== undefined) fail('cutoff', `does not belong to kind ${kind}`);
    return withinBounds(event);
  }
  return withinBounds({ ...event, cutoff: instant(raw, 'cutoff') });
}

function withinBounds(event: RevocationEvent): RevocationEvent {
  const fault = boundsFault(event);
  if (fault !== undefined) throw new RevocationFormatError(fault);
  return event;
}

/** The wire shape of an event, in the order of the contract. */
export function serializeRevocationEvent(event: RevocationEvent): RevocationEventJson {
  return {
    epoch: event.epoch,
    seq: event.seq,
    kind: event.kind,
    id: event.id,
    ...(event.cutoff === undefined ? {} : { cutoff: event.cutoff }),
    expires_at: event.expiresAt,
    at: event.at,
    ...(event.receiptWanted && { receipt_wanted: true as const }),
  };
}

function expiry(raw: Record<string, unknown>, kind: RevocationKind): number | null {
  if (kind === 'kid') {
    if (raw['expires_at'] !== null)
      fail('expires_at', 'of a kid event must be null: it never ends');
    return null;
  }
  return instant(raw, 'expires_at');
}

function isKind(value: unknown): value is RevocationKind {
  return REVOCATION_KINDS.includes(value as RevocationKind);
}

function count(raw: Record<string, unknown>, member: string, min: number): number {
  const value = raw[member];
  if (!Number.isSafeInteger(value) || (value as number) < min) fail(member, 'is not a counter');
  return value as number;
}

function instant(raw: Record<string, unknown>, member: string): number {
  const value = raw[member];
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    fail(member, 'is not a NumericDate');
  }
  return value;
}

function fail(member: string, problem: string): never {
  throw new RevocationFormatError(`${member} ${problem}`);
}
