import type { ServiceOverview } from '../../relying-services/service-instances.js';
import type { RelayReport, StatusReport } from '../identity-status.js';
import type { Operator } from '../operator.js';
import { numericDate } from './shared-input.js';

/** The wire shape of relying services with their instances. */
export function servicesJson(services: readonly ServiceOverview[]) {
  return services.map(({ id, audience, source, secretsAddedAt, instances }) => ({
    id,
    audience,
    source,
    secrets_added_at: secretsAddedAt,
    instances: instances.map((instance) => ({
      instance_id: instance.instanceId,
      state: instance.state,
      applied: instance.applied,
      lag_seconds: instance.lagSeconds,
      kids: instance.kids,
      joined_at: instance.joinedAt,
      last_seen_at: instance.lastSeenAt,
    })),
  }));
}

function relayJson(relay: RelayReport) {
  return {
    leader: relay.holder ?? null,
    leads_here: relay.leadsHere,
    term: relay.term,
    generation: relay.generation,
    written: relay.written ?? null,
    lag_entries: relay.lag,
    heartbeat_age_seconds: relay.writtenAgeSeconds ?? null,
    last_error: relay.lastError ?? null,
  };
}

/** The wire shape of `GET /operator/status`. A part that comes later gets a member of its own here. */
export function statusJson({ name, roles }: Operator, report: StatusReport) {
  const { clockMs, head, feedReaders, closedEpochs, relay, keys, services, faults } = report;
  return {
    operator: { name, roles },
    clocks: { identity: clockMs / 1000, database: head.readAt },
    revocation: { epoch: head.epoch, head: head.seq, feed_readers: feedReaders },
    closed_epochs: closedEpochs.map(({ epoch, lastSeq, closedAt, reason, sessionsKept }) => ({
      epoch,
      last_seq: lastSeq,
      closed_at: closedAt.getTime() / 1000,
      reason,
      sessions_kept: sessionsKept,
    })),
    relay: relay ? relayJson(relay) : null,
    signing_keys: keys.map((key) => ({
      kid: key.kid,
      state: key.state,
      prepared_at: numericDate(key.preparedAt),
      activated_at: numericDate(key.activatedAt),
    })),
    audit: { rows_to_seal: report.audit.rows, oldest_seconds: report.audit.oldestSeconds },
    relying_services: servicesJson(services),
    configuration_faults: faults,
  };
}
export type StatusJson = ReturnType<typeof statusJson>;
