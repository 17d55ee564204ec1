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
}

/** An entry that is not a revocation event within sane bounds. The message names the member, never its value. */
export class RevocationFormatError extends Error {
  override readonly name = 'RevocationFormatError';
}

const MAX_ID_LENGTH = 256;
/** Longest life of an entry that is believed, seconds: far above any access-token lifetime. */
const MAX_LIFE_SECONDS = 366 * 24 * 3600;
/** How far a cut-off may lie after the commit that carries it, seconds. */
const MAX_CUTOFF_LEAD_SECONDS = 60;

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
  if (typeof id !== 'string' || id.length === 0 || id.length > MAX_ID_LENGTH) {
    fail('id', `is not a string of 1 to ${String(MAX_ID_LENGTH)} characters`);
  }
  const event = { epoch, seq, kind, id, expiresAt: expiry(raw, kind, at), at };
  if (!CUTOFF_KINDS.has(kind)) {
    if (raw['cutoff'] !== undefined) fail('cutoff', `does not belong to kind ${kind}`);
    return event;
  }
  const cutoff = instant(raw, 'cutoff');
  if (cutoff > at + MAX_CUTOFF_LEAD_SECONDS) fail('cutoff', 'lies in the future of its commit');
  return { ...event, cutoff };
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
  };
}

function expiry(raw: Record<string, unknown>, kind: RevocationKind, at: number): number | null {
  if (kind === 'kid') {
    if (raw['expires_at'] !== null)
      fail('expires_at', 'of a kid event must be null: it never ends');
    return null;
  }
  const expiresAt = instant(raw, 'expires_at');
  if (expiresAt > at + MAX_LIFE_SECONDS) fail('expires_at', 'is too far away');
  return expiresAt;
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
