import { diagnose, diagnoseWithoutDatabase } from './diagnosis.js';
import type { Observed } from './diagnosis.js';

type Service = Observed['status']['relying_services'][number];
type Instance = Service['instances'][number];

const instance: Instance = {
  instance_id: 'i',
  state: 'current',
  applied: { epoch: 1, seq: 7 },
  lag_seconds: 0,
  kids: ['k1'],
  joined_at: 0,
  last_seen_at: 0,
};
const service = (id: string, more: Partial<Instance> = {}): Service => ({
  id,
  audience: id,
  source: 'file',
  secrets_added_at: [],
  instances: [{ ...instance, ...more }],
});
const key = (kid: string, state: 'active' | 'prepared' | 'retired') => ({
  kid,
  state,
  prepared_at: 0,
  activated_at: 0,
});

type Status = Observed['status'];
type Closed = Status['closed_epochs'][number];
const closed = (ago: number, more: Partial<Closed> = {}): Closed => ({
  epoch: 1,
  last_seq: 4,
  closed_at: 100 - ago,
  reason: 'new_system',
  sessions_kept: false,
  lost_from: null,
  ...more,
});
const relay = (more: Partial<NonNullable<Status['relay']>> = {}): Status['relay'] => ({
  leader: 'r',
  leads_here: true,
  term: 3,
  generation: 1,
  written: { epoch: 1, seq: 7 },
  lag_entries: 0,
  heartbeat_age_seconds: 1,
  last_error: null,
  ...more,
});

type Waiting = NonNullable<Observed['plan']['waiting']>;
const waitingFor = (more: Partial<Waiting>): Observed => {
  const waiting: Waiting = {
    kid: 'k2',
    for: 'calendar',
    until: 900,
    behind: [{ service: 'orders', instance_id: 'i', silent: false }],
    overdue: false,
    ...more,
  };
  return { ...observed(), plan: { steps: [], waiting, next_change_in: null } };
};

function observed(more: Partial<Observed['status']> = {}): Observed {
  return {
    plan: { steps: [], waiting: null, next_change_in: null },
    readiness: { ready: true, missing: [] },
    skewHere: 0,
    status: {
      operator: { name: 'a', roles: ['read'] },
      clocks: { identity: 100, database: 100 },
      revocation: { epoch: 1, head: 7, feed_readers: 2 },
      closed_epochs: [],
      relay: null,
      signing_keys: [key('k1', 'active'), key('k2', 'prepared')],
      audit: { rows_to_seal: 3, oldest_seconds: 1 },
      relying_services: [service('identity'), service('orders')],
      configuration_faults: [],
      ...more,
    },
  };
}
const wrong = (what: Observed) =>
  diagnose(what).flatMap(({ verdict, check }) => (verdict === 'wrong' ? [check] : []));
const noted = (what: Observed) =>
  diagnose(what).flatMap(({ verdict, check }) => (verdict === 'note' ? [check] : []));

it('finds nothing where all is well', () => {
  expect(wrong(observed())).toEqual([]);
  expect(noted(observed())).toEqual([]);
});

it.each<[string, Observed, string[]]>([
  ['not ready', { ...observed(), readiness: { ready: false, missing: ['x'] } }, ['ready']],
  ['a clock that runs ahead', observed({ clocks: { identity: 106, database: 100 } }), ['clock']],
  ['a clock that runs behind', observed({ clocks: { identity: 94, database: 100 } }), ['clock']],
  [
    'no active key',
    observed({ signing_keys: [key('k1', 'retired'), key('k2', 'prepared')] }),
    ['keys'],
  ],
  ['no prepared key', observed({ signing_keys: [key('k1', 'active')] }), ['next key']],
  [
    'a key that waits past its deadline',
    waitingFor({ for: 'reports', overdue: true }),
    ['rotation'],
  ],
  [
    'an audit log that nobody seals',
    observed({ audit: { rows_to_seal: 4, oldest_seconds: 61 } }),
    ['audit log'],
  ],
  [
    'two active keys',
    observed({
      signing_keys: [key('k1', 'active'), key('k3', 'active'), key('k2', 'prepared')],
    }),
    ['keys'],
  ],
  ['no replica of identity', observed({ relying_services: [service('orders')] }), ['feed']],
  [
    'a feed that is stuck',
    observed({ relying_services: [service('identity', { state: 'behind', lag_seconds: 30 })] }),
    ['feed', 'service identity'],
  ],
  [
    'an instance that is behind',
    observed({ relying_services: [service('identity'), service('orders', { state: 'behind' })] }),
    ['service orders'],
  ],
  [
    'an instance that says nothing any more',
    observed({ relying_services: [service('identity'), service('orders', { state: 'silent' })] }),
    ['service orders'],
  ],
  [
    'an instance without the key that signs',
    observed({ relying_services: [service('identity'), service('orders', { kids: ['k0'] })] }),
    ['service orders'],
  ],
  ['an epoch that identity began today', observed({ closed_epochs: [closed(3_600)] }), ['epoch']],
  ['a relay that nobody leads', observed({ relay: relay({ leader: null }) }), ['relay']],
  [
    'a relay whose leader hangs',
    observed({ relay: relay({ heartbeat_age_seconds: 12 }) }),
    ['relay'],
  ],
  ['a relay that fails', observed({ relay: relay({ last_error: 'NOAUTH' }) }), ['relay']],
  [
    'two faults of the configuration',
    observed({ configuration_faults: ['a', 'b'] }),
    ['configuration', 'configuration'],
  ],
])('%s is wrong', (_name, what, checks) => expect(wrong(what)).toEqual(checks));

it('a service that does not run, and clocks that are a little apart, are worth a note', () => {
  const idle = { ...service('payments'), instances: [] };
  expect(noted(observed({ relying_services: [service('identity'), idle] }))).toEqual([
    'service payments',
  ]);
  expect(noted(observed({ clocks: { identity: 102, database: 100 } }))).toEqual(['clock']);
  expect(noted({ ...observed(), skewHere: -60 })).toEqual(['clock here']);
});

it('an epoch that an operator began is worth a note for a day, and one of long ago is not', () => {
  const byOperator = closed(3_600, { reason: 'operator' });
  expect(wrong(observed({ closed_epochs: [byOperator] }))).toEqual([]);
  expect(noted(observed({ closed_epochs: [byOperator] }))).toEqual(['epoch']);
  const [named] = diagnose(observed({ closed_epochs: [closed(60, { lost_from: 10 })] })).filter(
    ({ check }) => check === 'epoch',
  );
  expect(named?.detail).toContain('from 1970-01-01T00:00:10Z to 1970-01-01T00:00:40Z is lost');
  const longAgo = observed({ closed_epochs: [closed(90_000)], relay: relay() });
  expect([wrong(longAgo), noted(longAgo)]).toEqual([[], []]);
});

it('a key that waits for reports is worth a note that names who is behind; one that waits for its time is not', () => {
  const held = waitingFor({ for: 'reports' });
  expect([wrong(held), noted(held)]).toEqual([[], ['rotation']]);
  const overdue = waitingFor({ for: 'reports', overdue: true });
  for (const what of [held, overdue]) {
    const said = diagnose(what).find(({ check }) => check === 'rotation')?.detail;
    expect(said).toMatch(/^k2 .*orders i/);
  }
  const unknown = waitingFor({ for: 'reports', behind: [], until: null });
  expect(diagnose(unknown)).toContainEqual(
    expect.objectContaining({ detail: 'k2 waits for news of who is live' }),
  );
  for (const reason of ['room', 'calendar', 'publication'] as const) {
    const waits = waitingFor({ for: reason });
    expect([wrong(waits), noted(waits)]).toEqual([[], []]);
  }
});

it('without a database it says so, and nothing of what it cannot know', () => {
  const findings = diagnoseWithoutDatabase({ ready: true, missing: [] });
  expect(findings.map(({ check, verdict }) => [check, verdict])).toEqual([
    ['ready', 'ok'],
    ['database', 'wrong'],
  ]);
});

it('a difference that rounds to nothing has no sign', () => {
  const [clock] = diagnose(observed({ clocks: { identity: 99.98, database: 100 } })).filter(
    ({ check }) => check === 'clock',
  );
  expect(clock?.detail).toBe("identity's clock is 0.0 s from the database's");
});
