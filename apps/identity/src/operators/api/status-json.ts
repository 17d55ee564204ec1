import { z } from 'zod';
import type { ServiceOverview } from '../../relying-services/service-instances.js';
import type { RelayReport, StatusReport } from '../identity-status.js';
import { OPERATOR_ROLES } from '../operator.js';
import type { Operator } from '../operator.js';
import { instant, positionAnswer } from './answer-schemas.js';
import { numericDate } from './shared-input.js';
import { keyAnswer } from './signing-keys-json.js';

export const serviceAnswer = z.strictObject({
  id: z.string(),
  audience: z.string().nullable().describe('`null`: it verifies for services behind it'),
  source: z.enum(['file', 'operator']),
  secrets_added_at: z.array(instant),
  instances: z.array(
    z.strictObject({
      instance_id: z.string(),
      state: z.enum(['current', 'behind', 'silent', 'starting']),
      applied: positionAnswer.nullable(),
      lag_seconds: z.number(),
      kids: z.array(z.string()),
      joined_at: instant,
      last_seen_at: instant,
    }),
  ),
});

export const statusAnswer = z.strictObject({
  operator: z.strictObject({ name: z.string(), roles: z.array(z.enum(OPERATOR_ROLES)) }),
  clocks: z.strictObject({ identity: instant, database: instant }),
  revocation: z.strictObject({ epoch: z.int(), head: z.int(), feed_readers: z.int() }),
  closed_epochs: z.array(
    z.strictObject({
      epoch: z.int(),
      last_seq: z.int(),
      closed_at: instant,
      reason: z.enum(['new_system', 'new_timeline', 'operator', 'report_ahead']),
      sessions_kept: z.boolean(),
      lost_from: instant
        .nullable()
        .describe('From here to the closing nothing is known; `null`: no such time, or unknown'),
    }),
  ),
  relay: z
    .strictObject({
      leader: z.string().nullable(),
      leads_here: z.boolean(),
      term: z.int(),
      generation: z.int(),
      written: positionAnswer.nullable(),
      lag_entries: z.int(),
      heartbeat_age_seconds: z.number().nullable(),
      last_error: z.string().nullable(),
    })
    .nullable()
    .describe('`null` without Redis'),
  signing_keys: z.array(
    keyAnswer.pick({ kid: true, state: true, prepared_at: true, activated_at: true }),
  ),
  audit: z
    .strictObject({ rows_to_seal: z.int(), oldest_seconds: z.number() })
    .describe('Rows that are not sealed yet'),
  relying_services: z.array(serviceAnswer),
  configuration_faults: z.array(z.string()),
});

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
    closed_epochs: closedEpochs.map(
      ({ epoch, lastSeq, closedAt, reason, sessionsKept, lostFrom }) => ({
        epoch,
        last_seq: lastSeq,
        closed_at: closedAt.getTime() / 1000,
        reason,
        sessions_kept: sessionsKept,
        lost_from: numericDate(lostFrom ?? null),
      }),
    ),
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
