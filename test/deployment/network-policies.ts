const pods = (app: string) => ({ podSelector: { matchLabels: { app } } });
const namespaces = (label: string) => ({
  namespaceSelector: { matchLabels: { [label]: 'true' } },
});
const by = (...ports: readonly (string | number)[]) => ports.map((port) => ({ port }));

const selecting = (app: string) => ({ ...pods(app), policyTypes: ['Ingress', 'Egress'] });
const monitored = { from: [namespaces('countersign/monitoring')], ports: by('management') };
const inside = { ipBlock: { cidr: '10.0.0.0/8' } };
const redis = { to: [inside], ports: by(6379) };

/** Every network policy of both overlays, by name in alphabetical order. Whoever may speak to somebody stands here. */
export const POLICIES = {
  console: { ...selecting('console'), ingress: [], egress: [{ to: [inside], ports: by(5432) }] },
  'default-deny': { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  gateway: {
    ...selecting('gateway'),
    ingress: [{ from: [namespaces('countersign/ingress')], ports: by('public') }, monitored],
    egress: [
      { to: [pods('identity')], ports: by('public', 'service') },
      { to: [pods('orders'), pods('payments')], ports: by('public') },
      redis,
    ],
  },
  identity: {
    ...selecting('identity'),
    ingress: [
      { from: [pods('gateway')], ports: by('public', 'service') },
      { from: [pods('orders'), pods('payments')], ports: by('service') },
      monitored,
    ],
    egress: [
      { to: [inside], ports: by(5432, 6379) },
      { to: [{ ipBlock: { cidr: '0.0.0.0/0' } }], ports: by(465, 587) },
    ],
  },
  migrate: { ...selecting('migrate'), ingress: [], egress: [{ to: [inside], ports: by(5432) }] },
  names: {
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [
      {
        to: [
          { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } },
        ],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
    ],
  },
  orders: {
    ...selecting('orders'),
    ingress: [{ from: [pods('gateway')], ports: by('public') }, monitored],
    egress: [
      { to: [pods('payments')], ports: by('public') },
      { to: [pods('identity')], ports: by('service') },
      redis,
    ],
  },
  payments: {
    ...selecting('payments'),
    ingress: [{ from: [pods('gateway'), pods('orders')], ports: by('public') }, monitored],
    egress: [{ to: [pods('identity')], ports: by('service') }, redis],
  },
};
