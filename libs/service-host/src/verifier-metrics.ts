import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** The part of a token verifier's state that is measured. What a verifier does not have is not shown. */
export interface MeasuredVerifier {
  state(): {
    readonly keys: {
      readonly ageSeconds: number;
      readonly freshness?: string;
      readonly fetches?: Readonly<Record<string, number>>;
      readonly skippedKeys?: number;
    };
    readonly signatures?: {
      readonly remembered: number;
      readonly recalled: number;
      readonly missed: number;
      readonly unknownKids: number;
    };
    readonly revocation:
      | 'none'
      | {
          readonly heartbeatAgeMs: number;
          readonly dropped: number;
          readonly entries: number;
          readonly full: boolean;
          readonly sources: readonly { readonly name: string; readonly connected: boolean }[];
        };
  };
}

/** Hand `onOutcome` to the verifier when it is made, and the verifier to `watch` afterwards. */
export interface VerifierMetrics {
  readonly onOutcome: (outcome: string, reason?: string) => void;
  readonly watch: (verifier: MeasuredVerifier) => void;
}

type State = ReturnType<MeasuredVerifier['state']>;

/** Reasons are fixed texts, a few dozen. Should that ever change, the rest shares one label. */
const MAX_REASONS = 100;

/**
 * Counts verifications by outcome and refusals by reason, and shows what a verifier holds: how old keys and heartbeat are
 * (`+Inf` before the first), how its fetches of keys ended, and how often a token was remembered.
 */
export function measureVerifier(registry: Registry): VerifierMetrics {
  const outcomes = new Counter({
    name: 'countersign_verify_total',
    help: 'Access tokens verified, by outcome',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'countersign_verify_refused_total',
    help: 'Access tokens that were not accepted, by code and reason',
    labelNames: ['code', 'reason'],
    registers: [registry],
  });
  const reasons = new Set<string>();
  const bounded = (reason: string) => {
    if (reasons.size < MAX_REASONS) reasons.add(reason);
    return reasons.has(reason) ? reason : 'other';
  };
  return {
    onOutcome(outcome, reason) {
      outcomes.inc({ outcome });
      if (reason !== undefined) refusals.inc({ code: outcome, reason: bounded(reason) });
    },
    watch: (verifier) => {
      watchKeys(registry, verifier);
      watchSignatures(registry, verifier);
      watchRevocations(registry, verifier);
    },
  };
}

function watchKeys(registry: Registry, verifier: MeasuredVerifier): void {
  show(registry, verifier, {
    name: 'countersign_key_age_seconds',
    help: 'Time since the issuer last confirmed the key set',
    read: ({ keys }) => keys.ageSeconds,
  });
  show(registry, verifier, {
    name: 'countersign_keys_late',
    help: '1 while a key set is used that is past its soft age; an alarm',
    read: ({ keys }) => (keys.freshness === 'late' ? 1 : 0),
  });
  show(registry, verifier, {
    name: 'countersign_keys_skipped',
    help: 'Published keys that are meant for something else than access tokens',
    read: ({ keys }) => keys.skippedKeys ?? 0,
  });
  count(registry, verifier, {
    name: 'countersign_key_fetches_total',
    help: 'Fetches of the key set, by outcome',
    label: 'outcome',
    read: ({ keys }) => keys.fetches ?? {},
  });
}

function watchSignatures(registry: Registry, verifier: MeasuredVerifier): void {
  show(registry, verifier, {
    name: 'countersign_verified_tokens',
    help: 'Tokens whose signature is remembered',
    read: ({ signatures }) => signatures?.remembered ?? 0,
  });
  count(registry, verifier, {
    name: 'countersign_verified_tokens_lookups_total',
    help: 'Tokens presented whose signature was remembered (hit) or not (miss)',
    label: 'result',
    read: ({ signatures }) => ({ hit: signatures?.recalled ?? 0, miss: signatures?.missed ?? 0 }),
  });
  count(registry, verifier, {
    name: 'countersign_unknown_kids_total',
    help: 'Tokens presented under a kid that the key set did not have',
    read: ({ signatures }) => ({ '': signatures?.unknownKids ?? 0 }),
  });
}

function watchRevocations(registry: Registry, verifier: MeasuredVerifier): void {
  show(registry, verifier, {
    name: 'countersign_revocations_dropped',
    help: 'Entries of the revocation feed that could not be read; any is an alarm',
    read: ({ revocation }) => (revocation === 'none' ? Number.NaN : revocation.dropped),
  });
  show(registry, verifier, {
    name: 'countersign_heartbeat_age_seconds',
    help: 'Age of the newest heartbeat applied',
    read: ({ revocation }) =>
      revocation === 'none' ? Number.NaN : revocation.heartbeatAgeMs / 1000,
  });
  show(registry, verifier, {
    name: 'countersign_revocations',
    help: 'Live entries that are held',
    read: ({ revocation }) => (revocation === 'none' ? Number.NaN : revocation.entries),
  });
  show(registry, verifier, {
    name: 'countersign_revocations_full',
    help: '1 while a revocation found no room, and no token is accepted; an alarm',
    read: ({ revocation }) => (revocation !== 'none' && revocation.full ? 1 : 0),
  });
  new Gauge({
    name: 'countersign_revocation_source_connected',
    help: '1 while revocations arrive from the source',
    labelNames: ['source'],
    registers: [registry],
    collect() {
      const { revocation } = verifier.state();
      if (revocation === 'none') return;
      for (const { name, connected } of revocation.sources)
        this.set({ source: name }, connected ? 1 : 0);
    },
  });
}

/** A gauge that reads the verifier's state when it is asked. */
function show(
  registry: Registry,
  verifier: MeasuredVerifier,
  what: { name: string; help: string; read: (state: State) => number },
): void {
  new Gauge({
    name: what.name,
    help: what.help,
    registers: [registry],
    collect() {
      this.set(what.read(verifier.state()));
    },
  });
}

/** A counter that the verifier keeps itself, by `label` if there is one. */
function count(
  registry: Registry,
  verifier: MeasuredVerifier,
  what: {
    name: string;
    help: string;
    label?: string;
    read: (state: State) => Readonly<Record<string, number>>;
  },
): void {
  new Counter({
    name: what.name,
    help: what.help,
    labelNames: what.label === undefined ? [] : [what.label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, total] of Object.entries(what.read(verifier.state()))) {
        this.inc(what.label === undefined ? {} : { [what.label]: value }, total);
      }
    },
  });
}
