import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { render } from './kustomize.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const rendered = render(join(root, 'k8s/overlays/production'));
const [manifest] = rendered.filter(({ kind }) => kind === 'PrometheusRule');
const groups = manifest!.spec!['groups'] as readonly { readonly rules: readonly Rule[] }[];
const rules = groups.flatMap((group) => group.rules);

/** What a test sees is told every 15 s, as the pods are, for 15 minutes. */
const steady = (value: number | string) => `${String(value)}+0x60`;
const growing = (each: number) => `0+${String(each)}x60`;
/** Past the longest `for` of all. */
const LOOK_AT = '12m';

type Series = Readonly<Record<string, string>>;
interface Case {
  readonly alert: string;
  /** Each makes it fire. */
  readonly fires: readonly Series[];
  /** As near as it comes to that, and does not. */
  readonly quiet: Series;
  /** Whom it names. */
  readonly of?: Readonly<Record<string, string>>;
}

const POD = { pod: 'orders-1' };
const at = (name: string, labels: Readonly<Record<string, string>> = POD) =>
  `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(',')}}`;
const requests = (status: string) =>
  at('countersign_http_request_duration_seconds_count', {
    app: 'orders',
    pod: 'orders-1',
    method: 'GET',
    route: '/orders',
    status,
  });
const [first, second] = [{ pod: 'identity-1' }, { pod: 'identity-2' }];
const APPS = ['identity', 'orders', 'payments', 'gateway'];
/** Each application with two pods. */
const pods = (ofEach: (app: string) => readonly [number, number]): Series =>
  Object.fromEntries(
    APPS.flatMap((app) =>
      ofEach(app).map((up, n) => [at('up', { app, pod: `${app}-${String(n)}` }), steady(up)]),
    ),
  );
const without = (app: string): Series =>
  Object.fromEntries(
    Object.entries(pods(() => [1, 1])).filter(([name]) => !name.includes(`"${app}"`)),
  );
/** Of 100 requests every 15 s so many took longer than a second, and none longer than three. */
const slow = (of100: number, route = '/orders'): Series =>
  Object.fromEntries(
    [
      ['1', 100 - of100],
      ['3', 100],
      ['+Inf', 100],
    ].map(([le, count]) => [
      at('countersign_http_request_duration_seconds_bucket', {
        app: 'orders',
        pod: 'orders-1',
        method: 'GET',
        route,
        status: '200',
        le: String(le),
      }),
      growing(Number(count)),
    ]),
  );
const refreshed = (outcome: string) => at('countersign_refreshes_total', { ...first, outcome });
const verified = (outcome: string) => at('countersign_verify_total', { ...POD, outcome });

const CASES: readonly Case[] = [
  {
    alert: 'ApplicationGone',
    fires: [pods((app) => (app === 'gateway' ? [0, 0] : [1, 1])), without('gateway')],
    quiet: pods(() => [0, 1]),
    of: { app: 'gateway' },
  },
  {
    alert: 'RequestsSlow',
    fires: [slow(2)],
    quiet: { ...slow(1), ...slow(90, '/revocations/feed'), ...slow(90, '/operator/revocations') },
    of: { app: 'orders' },
  },
  {
    alert: 'StoreBehind',
    // One is enough.
    fires: [{ [refreshed('store_behind')]: '0x10 1x50' }],
    quiet: { [refreshed('store_behind')]: steady(4), [refreshed('session_ended')]: growing(9) },
  },
  {
    alert: 'RevocationsLate',
    fires: [11, '+Inf'].map((age) => ({ [at('countersign_heartbeat_age_seconds')]: steady(age) })),
    quiet: { [at('countersign_heartbeat_age_seconds')]: steady(10) },
    of: POD,
  },
  {
    alert: 'RevocationsUnreadable',
    fires: ['countersign_revocations_dropped', 'countersign_revocations_full'].map((name) => ({
      [at(name)]: steady(1),
    })),
    quiet: {
      [at('countersign_revocations_dropped')]: steady(0),
      [at('countersign_revocations_full')]: steady(0),
    },
    of: POD,
  },
  {
    alert: 'NobodyWritesToRedis',
    fires: [
      {
        [at('countersign_relay_leader', first)]: steady(0),
        [at('countersign_relay_leader', second)]: steady(0),
      },
      {
        [at('countersign_relay_leader', first)]: steady(1),
        [at('countersign_relay_failing', first)]: steady(1),
        [at('countersign_relay_failing', second)]: steady('NaN'),
      },
    ],
    quiet: {
      [at('countersign_relay_leader', first)]: steady(1),
      [at('countersign_relay_leader', second)]: steady(0),
      [at('countersign_relay_failing', first)]: steady(0),
      [at('countersign_relay_failing', second)]: steady('NaN'),
    },
  },
  {
    alert: 'KeysLate',
    fires: [{ [at('countersign_keys_late')]: steady(1) }],
    quiet: { [at('countersign_keys_late')]: steady(0) },
    of: POD,
  },
  {
    alert: 'KeyRotationOverdue',
    fires: [{ [at('countersign_key_activation_overdue', first)]: steady(1) }],
    quiet: { [at('countersign_key_activation_overdue', first)]: steady(0) },
  },
  {
    alert: 'VerificationUnavailable',
    fires: ['keys_unreachable', 'revocation_unreachable'].map((outcome) => ({
      [verified(outcome)]: growing(1),
    })),
    quiet: { [verified('revoked')]: growing(9), [verified('keys_unreachable')]: steady(7) },
    of: POD,
  },
  {
    alert: 'GuessingRefused',
    fires: [refused(80)],
    quiet: refused(70),
  },
  {
    alert: 'PasswordHashesWait',
    fires: [{ [at('countersign_password_hashes_waiting')]: steady(9) }],
    quiet: { [at('countersign_password_hashes_waiting')]: steady(8) },
    of: POD,
  },
  {
    alert: 'ReportsNotBelieved',
    fires: [{ [at('countersign_reports_not_believed_total', first)]: growing(1) }],
    quiet: { [at('countersign_reports_not_believed_total', first)]: steady(3) },
  },
  {
    alert: 'RequestsFail',
    fires: [{ [requests('200')]: growing(98), [requests('503')]: growing(1) }],
    quiet: {
      [requests('200')]: growing(90),
      [requests('404')]: growing(9),
      [requests('500')]: growing(1),
    },
    of: { app: 'orders' },
  },
  {
    alert: 'ServiceBehind',
    fires: [
      { [at('countersign_service_lag_seconds', { service: 'orders', ...first })]: steady(16) },
    ],
    quiet: { [at('countersign_service_lag_seconds', { service: 'orders', ...first })]: steady(15) },
    of: { service: 'orders' },
  },
  {
    alert: 'ClockOff',
    fires: [2.5, -2.5].map((off) => ({ [at('countersign_clock_offset_seconds')]: steady(off) })),
    quiet: { [at('countersign_clock_offset_seconds')]: steady(-2) },
    of: POD,
  },
  {
    alert: 'MailsWait',
    fires: [{ [at('countersign_mails_oldest_seconds', first)]: steady(301) }],
    quiet: { [at('countersign_mails_oldest_seconds', first)]: steady(300) },
  },
  {
    alert: 'AttemptsCountedApart',
    fires: [{ [at('countersign_attempts_counted_together')]: steady(0) }],
    quiet: { [at('countersign_attempts_counted_together')]: steady(1) },
    of: POD,
  },
  {
    alert: 'ConnectionsRefused',
    fires: [{ [at('countersign_connections_refused_total')]: growing(1) }],
    quiet: { [at('countersign_connections_refused_total')]: steady(5) },
    of: POD,
  },
];

/** So many every 15 s, by two of the labels that tell them apart. */
function refused(each: number): Series {
  return Object.fromEntries(
    ['address', 'account'].map((by) => [
      at('countersign_attempts_refused_total', { ...first, kind: 'sign_in', by }),
      growing(each / 2),
    ]),
  );
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-alerts-'));
  // JSON is YAML.
  writeFileSync(join(folder, 'rules.yaml'), JSON.stringify({ groups }));
});
afterAll(() => rmSync(folder, { recursive: true }));

function promtool(...args: string[]): string {
  const { status, error, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  if (error) {
    throw new Error('promtool is not there: run "npm run test:setup", or install Prometheus', {
      cause: error,
    });
  }
  return status === 0 ? 'ok' : stdout + stderr;
}

/** What Prometheus finds wrong with what is expected of an alert. */
function evaluate(alert: string, series: Series, expected: readonly object[]): string {
  const test = {
    interval: '15s',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [{ eval_time: LOOK_AT, alertname: alert, exp_alerts: expected }],
  };
  const file = join(folder, 'test.yaml');
  writeFileSync(file, JSON.stringify({ rule_files: ['rules.yaml'], tests: [test] }));
  return promtool('test', 'rules', file);
}

/** The alert as it arrives: with each `{{ $labels.x }}` of its texts filled in. */
function arrival({ labels, annotations }: Rule, of: Readonly<Record<string, string>>) {
  const filled = Object.entries(annotations).map(([name, text]) => [
    name,
    text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => String(of[label])),
  ]);
  return {
    exp_labels: { ...labels, ...of },
    exp_annotations: Object.fromEntries(filled) as object,
  };
}

/** The labels of each metric that the services tell, by `docs/operations/metrics.md`, which is held to them. */
const told = new Map(
  [
    ...read('docs/operations/metrics.md').matchAll(
      /^\| `(countersign_\w+)` +\| (\w+) +\| ([^|]*)\|/gm,
    ),
  ].map(([, name = '', type = '', labels = '']) => [
    name,
    { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) },
  ]),
);
const codes = read('docs/error-codes.md');

it('Prometheus can read the rules', () => {
  expect(promtool('check', 'rules', '--lint=all', '--lint-fatal', join(folder, 'rules.yaml'))).toBe(
    'ok',
  );
});

it('every alert has a case', () => {
  expect(CASES.map(({ alert }) => alert).sort()).toEqual(rules.map(({ alert }) => alert).sort());
});

it.each(CASES.map((one) => [one.alert, one] as const))(
  '%s fires when it should, with texts that name whom it is about, and not otherwise',
  (alert, { fires, quiet, of = {} }) => {
    const expected = [
      arrival(
        rules.find((rule) => rule.alert === alert)!,
        of,
      ),
    ];
    for (const series of fires) expect(evaluate(alert, series, expected)).toBe('ok');
    expect(evaluate(alert, quiet, [])).toBe('ok');
  },
);

it.each(APPS)('nobody at all answers for %s, and the others do: it is named', (app) => {
  const rule = rules.find(({ alert }) => alert === 'ApplicationGone')!;
  expect(evaluate('ApplicationGone', without(app), [arrival(rule, { app })])).toBe('ok');
  // What Kubernetes runs, and the monitoring asks.
  const deployed = rendered.filter(({ kind }) => kind === 'Deployment');
  expect(deployed.map(({ metadata }) => metadata.name).sort()).toEqual([...APPS].sort());
});

it.each(CASES.map((one) => [one.alert, one] as const))(
  '%s looks at what the services tell',
  (alert, { fires, quiet }) => {
    const { expr } = rules.find((rule) => rule.alert === alert)!;
    const names = [...expr.matchAll(/countersign_\w+/g)].map(([name]) => name);
    const series = [quiet, ...fires].flatMap((one) => Object.keys(one));
    for (const name of names) expect(series.join('\n')).toContain(`${name}{`);
    for (const one of series) {
      const [, name = '', all = ''] = /^(\w+)\{(.*)\}$/.exec(one) ?? [];
      // Prometheus' own: whether a pod answered.
      if (name === 'up') continue;
      const metric = told.get(name) ?? told.get(name.replace(/_(count|bucket)$/, ''));
      expect([name, metric]).toEqual([name, expect.anything()]);
      // A rate is of what only grows.
      expect(expr.includes(`rate(${name}`)).toBe(metric?.type !== 'gauge');
      // What the monitoring itself adds: monitoring.yaml.
      expect(['app', 'pod', 'le', ...(metric?.labels ?? [])]).toEqual(
        expect.arrayContaining([...all.matchAll(/(\w+)="/g)].map(([, label]) => label)),
      );
      const [, outcome] = /outcome="(\w+)"/.exec(all) ?? [];
      if (outcome !== undefined) expect(codes).toContain(`| \`${outcome}\` `);
    }
  },
);

it('every runbook_url begins with what the operator has set in one place', () => {
  const set = (manifest!.metadata as { annotations?: { runbooks?: string } }).annotations?.runbooks;
  expect(set).toMatch(/^https:\/\/.+\/docs\/operations\/alerts\.md$/);
  expect(rules.map(({ annotations }) => annotations['runbook_url'])).toEqual(
    rules.map(({ alert }) => `${set!}#${alert.toLowerCase()}`),
  );
});
