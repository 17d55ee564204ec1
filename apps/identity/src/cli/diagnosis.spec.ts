import { diagnose } from './diagnosis.js';
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

function observed(more: Partial<Observed['status']> = {}): Observed {
  return {
    readiness: { ready: true, missing: [] },
    skewHere: 0,
    status: {
      operator: { name: 'a', roles: ['read'] },
      clocks: { identity: 100, database: 100 },
      revocation: { epoch: 1, head: 7, feed_readers: 2 },
      signing_keys: [key('k1', 'active'), key('k2', 'prepared')],
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
  ['no active key', observed({ signing_keys: [key('k1', 'retired')] }), ['keys']],
  [
    'two active keys',
    observed({ signing_keys: [key('k1', 'active'), key('k3', 'active')] }),
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
