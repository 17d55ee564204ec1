import type { PlanJson } from '../operators/api/signing-keys-json.js';
import type { StatusJson } from '../operators/api/status-json.js';
import { inFull } from './epoch-in-words.js';
import type { Finding } from './finding.js';
import { diagnoseRotation } from './rotation-diagnosis.js';
import { instant } from './table.js';

/** What the doctor looks at. */
export interface Observed {
  readonly status: StatusJson;
  /** Of the signing keys. */
  readonly plan: PlanJson;
  readonly readiness: { readonly ready: boolean; readonly missing: readonly string[] };
  /** This machine's clock less the database's when they were compared, seconds. */
  readonly skewHere: number;
}

/** Verifiers tolerate this much between their clock and identity's, seconds. */
const CLOCK_TOLERANCE = 5;
const NOTABLE_SKEW = 1;
const A_DAY = 86_400;
/** A leader writes a heartbeat every second, seconds. */
const RELAY_LATE = 10;
/** New rows of the audit log are sealed every second, seconds. */
const SEALING_LATE = 60;

/** Judges a system by what it says of itself. Pure. */
export function diagnose(observed: Observed): Finding[] {
  return [
    readiness(observed.readiness),
    identityClock(observed),
    ownClock(observed),
    revocations(observed),
    ...epochs(observed),
    ...relay(observed),
    feed(observed),
    ...diagnoseRotation(observed.status.signing_keys, observed.plan),
    audit(observed),
    ...services(observed),
    ...configuration(observed),
  ];
}

/** What is left to say where identity cannot reach its database: it knows nothing then. Pure. */
export function diagnoseWithoutDatabase(ready: Observed['readiness']): Finding[] {
  const detail =
    'identity cannot reach its database, or gets no answer from it in time. See docs/operations/revocation.md#postgres-is-away';
  return [readiness(ready), { check: 'database', verdict: 'wrong', detail }];
}

function readiness({ ready, missing }: Observed['readiness']): Finding {
  return {
    check: 'ready',
    verdict: ready ? 'ok' : 'wrong',
    detail: ready ? 'identity takes requests' : `identity is not ready: ${missing.join(', ')}`,
  };
}

function identityClock({ status: { clocks } }: Observed): Finding {
  const skew = clocks.identity - clocks.database;
  const verdict =
    Math.abs(skew) > CLOCK_TOLERANCE ? 'wrong' : Math.abs(skew) > NOTABLE_SKEW ? 'note' : 'ok';
  return {
    check: 'clock',
    verdict,
    detail: `identity's clock is ${seconds(skew)} from the database's${verdict === 'ok' ? '' : ': set both by NTP'}`,
  };
}

function ownClock({ skewHere }: Observed): Finding {
  const far = Math.abs(skewHere) > CLOCK_TOLERANCE;
  return {
    check: 'clock here',
    verdict: far ? 'note' : 'ok',
    detail: `this machine's clock is ${seconds(skewHere)} from the database's`,
  };
}

function revocations({ status: { revocation } }: Observed): Finding {
  const { epoch, head } = revocation;
  return {
    check: 'revocations',
    verdict: 'ok',
    detail: `epoch ${String(epoch)}, head ${String(head)}`,
  };
}

/** An epoch that identity has begun by itself needs somebody: history was lost. One that an operator has begun is known. */
function epochs({ status: { clocks, closed_epochs: closed } }: Observed): Finding[] {
  return closed
    .filter(({ closed_at: at }) => clocks.database - at < A_DAY)
    .map((change) => ({
      check: 'epoch',
      verdict: change.reason === 'operator' ? 'note' : 'wrong',
      detail: `epoch ${String(change.epoch)} was closed at ${instant(change.closed_at)}: ${inFull(change)}. See docs/operations/revocation.md`,
    }));
}

/** Nothing where there is no Redis. */
function relay({ status }: Observed): Finding[] {
  if (!status.relay) return [];
  const { leader, lag_entries: lag, heartbeat_age_seconds: age, last_error: error } = status.relay;
  const faults = [
    ...(leader === null ? ['no replica brings revocations to Redis: the feed carries them'] : []),
    ...(leader !== null && (age === null || age > RELAY_LATE)
      ? [`the leader wrote its last heartbeat ${age === null ? 'never' : `${seconds(age)} ago`}`]
      : []),
    ...(error === null ? [] : [`last error: ${error}`]),
  ];
  const detail =
    faults.length > 0 ? faults.join('; ') : `${String(leader)} leads, ${String(lag)} to go`;
  return [{ check: 'relay', verdict: faults.length > 0 ? 'wrong' : 'ok', detail }];
}

/** Identity's own verifiers read the same feed as everybody: when they lag, the feed does. */
function feed({ status }: Observed): Finding {
  const own = status.relying_services.find(({ id }) => id === 'identity')?.instances ?? [];
  const lag = Math.max(0, ...own.map(({ lag_seconds: age }) => age));
  const stuck = own.some(({ state }) => state === 'behind');
  if (own.length === 0) {
    return { check: 'feed', verdict: 'wrong', detail: 'no replica of identity has checked in' };
  }
  return {
    check: 'feed',
    verdict: stuck ? 'wrong' : 'ok',
    detail: stuck
      ? `a replica of identity has not applied a revocation of ${seconds(lag)} ago`
      : `${String(own.length)} replica(s) of identity follow the log`,
  };
}

function audit({ status }: Observed): Finding {
  const { rows_to_seal: rows, oldest_seconds: age } = status.audit;
  if (age <= SEALING_LATE) {
    return { check: 'audit log', verdict: 'ok', detail: `${String(rows)} row(s) to be sealed` };
  }
  const detail = `${String(rows)} row(s) are not sealed, the oldest of ${seconds(age)} ago. See docs/operations/audit.md`;
  return { check: 'audit log', verdict: 'wrong', detail };
}

function services({ status }: Observed): Finding[] {
  const activeKid = status.signing_keys.find(({ state }) => state === 'active')?.kid;
  return status.relying_services.map(({ id, instances }) => {
    const check = `service ${id}`;
    if (instances.length === 0) return { check, verdict: 'note', detail: 'no instance is live' };
    const faults = instances.flatMap(({ instance_id: name, state, kids, lag_seconds: lag }) => {
      if (state === 'silent') return [`${name} has gone silent`];
      if (state === 'behind') return [`${name} is behind by ${seconds(lag)}`];
      if (activeKid !== undefined && !kids.includes(activeKid))
        return [`${name} does not hold the active key`];
      return [];
    });
    return faults.length > 0
      ? { check, verdict: 'wrong', detail: faults.join('; ') }
      : { check, verdict: 'ok', detail: `${String(instances.length)} instance(s), up to date` };
  });
}

function configuration({ status: { configuration_faults: faults } }: Observed): Finding[] {
  if (faults.length === 0) return [{ check: 'configuration', verdict: 'ok', detail: 'no fault' }];
  return faults.map((detail) => ({ check: 'configuration', verdict: 'wrong', detail }));
}

function seconds(value: number): string {
  const text = value.toFixed(1);
  return `${text === '-0.0' ? '0.0' : text} s`;
}
