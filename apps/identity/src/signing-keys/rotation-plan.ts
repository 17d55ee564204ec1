import type { SigningKeyState } from './signing-key.js';
import { speakForEverybody, whoIsBehind } from './who-is-behind.js';
import type { Behind, KeyReports } from './who-is-behind.js';

/**
 * Two times, in seconds. `ran` is the clock of check-ins: it runs while identity serves, stands still in an outage, and no
 * step of any clock moves it. `wall` is the database's (NumericDate), by which tokens are dated; it may jump.
 */
export interface RotationInstant {
  readonly ran: number;
  readonly wall: number;
}

/** Where a key stands. Instants are on the clock of check-ins, but {@link tokensUntil}. */
export interface RingKey {
  readonly kid: string;
  readonly state: SigningKeyState;
  readonly preparedAt: number;
  readonly activatedAt: number | null;
  readonly retiredAt: number | null;
  /** When the last token that it may have signed is over, by the wall (NumericDate). Known once it has retired. */
  readonly tokensUntil: number | null;
}

export interface Ring {
  readonly keys: readonly RingKey[];
  /** An operator wants the next key to sign: as soon as it may, or (`forced`) without waiting for anything. */
  readonly requested: { readonly at: number; readonly forced: boolean } | null;
}

/** Durations, seconds. */
export interface RotationPolicy {
  /** How long a key signs. */
  readonly rotateAfter: number;
  /** How long a key is published before it signs. */
  readonly publishFor: number;
  /** How long after that reports are waited for, and what then: sign without them, or hold on and raise an alarm. */
  readonly patience: number;
  readonly pastDeadline: 'go_on' | 'hold';
  /** How long any token lives, with all that clocks may differ by. */
  readonly tokensLiveFor: number;
}

/** So many keys are published at most, but for one or two in an emergency: verifiers take no key set of more than 32. */
export const MOST_PUBLISHED = 30;

/** `despite`: who had not reported the key when it was let go on. */
export type RotationStep =
  | { readonly do: 'add'; readonly as: 'prepared' | 'active' }
  | {
      readonly do: 'activate';
      readonly kid: string;
      readonly retires: string | null;
      readonly despite: readonly Behind[];
    }
  | { readonly do: 'purge'; readonly kid: string };

/** What the next key waits for; `until` is on the clock of check-ins, `null` without an end. */
export interface Waiting {
  readonly kid: string;
  readonly for: 'room' | 'calendar' | 'publication' | 'reports';
  readonly until: number | null;
  readonly behind: readonly Behind[];
  /** Past the deadline: somebody must look. */
  readonly overdue: boolean;
}

export interface RotationPlan {
  readonly steps: readonly RotationStep[];
  readonly waiting: Waiting | null;
  /** Seconds until the published keys may change; `null` when nothing is in sight. */
  readonly nextChangeIn: number | null;
}

/**
 * Decides what brings the key ring in line with the policy. Pure. The steps are in an order in which a crash between any two of
 * them leaves one signer, one prepared key published, and every key published that has live tokens.
 *
 * A key is `prepared` (published), then `active` (signs), `retired` (published while its tokens live), `purged`. Does not look at
 * `revoked` keys: to revoke is an operator's decision, never the calendar's.
 */
export function planRotation(
  ring: Ring,
  reports: KeyReports,
  policy: RotationPolicy,
  now: RotationInstant,
): RotationPlan {
  const active = ring.keys.find(({ state }) => state === 'active');
  const prepared = ring.keys
    .filter(({ state }) => state === 'prepared')
    .sort((a, b) => a.preparedAt - b.preparedAt || (a.kid < b.kid ? -1 : 1));
  const [next] = prepared;
  const verdict = next && decideActivation(active, next, { ring, reports, policy, now });
  const activation = verdict && 'do' in verdict ? verdict : undefined;
  const waiting = verdict && !('do' in verdict) ? verdict : null;
  const retired = ring.keys.filter(({ state }) => state === 'retired');
  const steps: RotationStep[] = [
    ...(!active && !next ? [{ do: 'add', as: 'active' } as const] : []),
    ...(prepared.length < (activation ? 2 : 1) ? [{ do: 'add', as: 'prepared' } as const] : []),
    ...(activation ? [activation] : []),
    ...retired
      .filter((key) => livesFor(key, policy, now) <= 0)
      .map(({ kid }) => ({ do: 'purge', kid }) as const),
  ];
  const changes = [
    ...(steps.length > 0 ? [0] : []),
    ...(waiting ? [waiting.for === 'reports' ? 0 : (waiting.until ?? 0) - now.ran] : []),
    ...retired.map((key) => livesFor(key, policy, now)),
  ];
  return { steps, waiting, nextChangeIn: changes.length > 0 ? Math.min(...changes) : null };
}

/** Whether the next key signs now; otherwise what it waits for. Without a signer it does at once. */
function decideActivation(
  active: RingKey | undefined,
  { kid, preparedAt }: RingKey,
  known: { ring: Ring; reports: KeyReports; policy: RotationPolicy; now: RotationInstant },
): Extract<RotationStep, { do: 'activate' }> | Waiting {
  const { policy, reports } = known;
  const { requested } = known.ring;
  const now = known.now.ran;
  const behind = whoIsBehind({ kid, preparedAt }, reports, now);
  const go = { do: 'activate', kid, retires: active?.kid ?? null, despite: behind } as const;
  if (!active) return go;
  const room = roomIn(known.ring, policy, known.now);
  if (room > 0) return { kid, for: 'room', until: now + room, behind, overdue: false };
  if (requested?.forced) return go;

  const due = Math.min((active.activatedAt ?? 0) + policy.rotateAfter, requested?.at ?? Infinity);
  const published = preparedAt + policy.publishFor;
  const from = Math.max(due, published);
  if (now < from) {
    const reason = due > published ? 'calendar' : 'publication';
    return { kid, for: reason, until: from, behind, overdue: false };
  }
  const everybody = speakForEverybody(reports, now);
  if (everybody && behind.length === 0) return go;

  const deadline = from + policy.patience;
  if (now < deadline) return { kid, for: 'reports', until: deadline, behind, overdue: false };
  // Who fell silent is waited for until the deadline only, whatever the policy.
  const mayGoOn = policy.pastDeadline === 'go_on' || (everybody && behind.every((b) => b.silent));
  return mayGoOn ? go : { kid, for: 'reports', until: null, behind, overdue: true };
}

/** In how many seconds another key may be published; 0 for now. */
function roomIn({ keys }: Ring, policy: RotationPolicy, now: RotationInstant): number {
  const published = keys.filter(({ state }) => state !== 'purged' && state !== 'revoked');
  if (published.length < MOST_PUBLISHED) return 0;
  // What is to be purged now leaves room for the next turn.
  return Math.max(1, Math.min(...published.map((key) => livesFor(key, policy, now))));
}

/** Why a key may not leave the JWKS; `undefined` when it may. */
export function refusePurge(
  key: RingKey,
  policy: RotationPolicy,
  now: RotationInstant,
): string | undefined {
  if (key.state === 'active') return 'it signs';
  if (key.state === 'prepared') return 'it is prepared to sign next';
  if (key.state !== 'retired') return `it is ${key.state} already`;
  const seconds = livesFor(key, policy, now);
  if (seconds <= 0) return undefined;
  return `tokens that it signed may live for another ${String(Math.ceil(seconds))} s; to withdraw it with them, revoke it`;
}

/** How long tokens of a retired key may still live, seconds: by the wall and by the time that identity ran, whichever is longer. */
function livesFor(key: RingKey, policy: RotationPolicy, now: RotationInstant): number {
  const { retiredAt, tokensUntil } = key;
  if (retiredAt === null || tokensUntil === null) return Infinity;
  return Math.max(retiredAt + policy.tokensLiveFor - now.ran, tokensUntil - now.wall);
}
