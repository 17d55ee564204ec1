import { Gauge } from '@countersign/service-host';
import type { Registry } from '@countersign/service-host';
import type { RevocationRelay } from './revocation-relay.js';

/** Shows how the relay does; nothing without `REDIS_URL`. What only the leader knows is `NaN` elsewhere. */
export function measureRelay(metrics: Registry, relay: RevocationRelay): void {
  if (!relay.state().configured) return;
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name,
      help,
      registers: [metrics],
      collect() {
        this.set(read() ?? Number.NaN);
      },
    });
  gauge('countersign_relay_leader', 'Whether this replica writes revocations to Redis', () =>
    Number(relay.state().leads),
  );
  gauge(
    'countersign_relay_lag_entries',
    'Revocations committed and not in Redis yet',
    () => relay.state().lag,
  );
  gauge(
    'countersign_relay_heartbeat_age_seconds',
    'Time since the leader last wrote a heartbeat to Redis',
    () => relay.state().heartbeatAgeSeconds,
  );
  gauge(
    'countersign_relay_generation',
    'How often all live revocations were written to Redis again, ever',
    () => relay.state().generation,
  );
  gauge('countersign_relay_failing', 'Whether the last attempt to write to Redis failed', () =>
    Number(relay.state().lastError !== undefined),
  );
}
