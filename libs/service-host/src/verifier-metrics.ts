import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** The part of a token verifier's state that is measured. */
export interface MeasuredVerifier {
  state(): {
    readonly keys: { readonly ageSeconds: number };
    readonly revocation: 'none' | { readonly heartbeatAgeMs: number; readonly dropped: number };
  };
}

/** Hand `onOutcome` to the verifier when it is made, and the verifier to `watch` afterwards. */
export interface VerifierMetrics {
  readonly onOutcome: (outcome: string) => void;
  readonly watch: (verifier: MeasuredVerifier) => void;
}

/** Counts verifications by outcome, and shows how old the keys and the newest heartbeat are (`+Inf` before the first). */
export function measureVerifier(registry: Registry): VerifierMetrics {
  const outcomes = new Counter({
    name: 'countersign_verify_total',
    help: 'Access tokens verified, by outcome',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  return {
    onOutcome: (outcome) => outcomes.inc({ outcome }),
    watch(verifier) {
      gauge(
        'countersign_key_age_seconds',
        'Time since the issuer last confirmed the key set',
        () => verifier.state().keys.ageSeconds,
      );
      gauge(
        'countersign_revocations_dropped',
        'Entries of the revocation feed that could not be read; any is an alarm',
        () => {
          const { revocation } = verifier.state();
          return revocation === 'none' ? Number.NaN : revocation.dropped;
        },
      );
      gauge('countersign_heartbeat_age_seconds', 'Age of the newest heartbeat applied', () => {
        const { revocation } = verifier.state();
        return revocation === 'none' ? Number.NaN : revocation.heartbeatAgeMs / 1000;
      });
    },
  };
}
