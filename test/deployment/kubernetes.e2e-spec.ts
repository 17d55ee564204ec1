import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canBeValidated, faultsOf } from './kubernetes-schema.js';
import { render, templateOf as anyTemplateOf } from './kustomize.js';
import { POLICIES } from './network-policies.js';
import type { Manifest } from './kustomize.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>;
  readonly [field: string]: unknown;
}
interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly Container[];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
  readonly topologySpreadConstraints: readonly { readonly topologyKey: string }[];
  readonly [field: string]: unknown;
}
type Template = { readonly metadata: Manifest['metadata']; readonly spec: PodSpec };

const overlays = ['development', 'production'] as const;
const rendered = Object.fromEntries(
  overlays.map((name) => [name, render(join(root, 'k8s/overlays', name))]),
) as Readonly<Record<(typeof overlays)[number], readonly Manifest[]>>;

const templateOf = (manifest: Manifest) => anyTemplateOf(manifest) as Template | undefined;
const withPods = (manifests: readonly Manifest[]) => manifests.filter((one) => templateOf(one));
const named = (manifests: readonly Manifest[], kind: string, name: string) =>
  manifests.find((one) => one.kind === kind && one.metadata.name === name)!;
const deployments = (manifests: readonly Manifest[]) =>
  manifests.filter(({ kind }) => kind === 'Deployment');
const settingsIn = (manifests: readonly Manifest[], prefix: string) =>
  manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith(prefix))![
    'data'
  ] as Readonly<Record<string, string>>;

/** What runs in pods may look like this, and changes of one field at a time show what the check refuses. */
const changed = (change: (pod: PodSpec) => object): Manifest => {
  const manifest = structuredClone(named(rendered.production, 'Deployment', 'orders'));
  const template = templateOf(manifest)!;
  Object.assign(template.spec, change(template.spec));
  return manifest;
};
const withContainer = (fields: (container: Container) => object) =>
  changed(({ containers: [first] }) => ({ containers: [{ ...first, ...fields(first!) }] }));

describe('the check of manifests', () => {
  it('accepts what is right', () => {
    expect(faultsOf(changed(() => ({})))).toEqual([]);
  });

  it.each([
    [
      'securityContex in a pod',
      changed(() => ({ securityContex: {} })),
      'unknown field /spec/template/spec/securityContex',
    ],
    [
      'securityContex in a container',
      withContainer(() => ({ securityContex: {} })),
      'unknown field /spec/template/spec/containers/0/securityContex',
    ],
    [
      'resources.limit',
      withContainer(({ resources }) => ({
        resources: { ...resources, limit: {} },
      })),
      'unknown field /spec/template/spec/containers/0/resources/limit',
    ],
    [
      'a number where a text belongs',
      withContainer(() => ({ terminationMessagePath: 7 })),
      'data/spec/template/spec/containers/0/terminationMessagePath must be string',
    ],
    [
      'no containers',
      changed(() => ({ containers: undefined })),
      expect.stringContaining('containers'),
    ],
  ])('refuses %s', (_what, manifest, fault) => {
    expect(faultsOf(manifest)).toEqual([fault]);
  });
});

describe.each(overlays)('%s', (overlay) => {
  const manifests = rendered[overlay];
  const pods = withPods(manifests).map(
    (manifest) => [`${manifest.kind} ${manifest.metadata.name}`, templateOf(manifest)!] as const,
  );

  it('is valid in every field, but for kinds that Kubernetes itself does not know', () => {
    const faults = manifests
      .filter(canBeValidated)
      .flatMap((one) => faultsOf(one).map((why) => `${one.kind} ${one.metadata.name}: ${why}`));
    expect(faults).toEqual([]);
    const notValidated = manifests.filter((one) => !canBeValidated(one));
    expect(notValidated.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual(
      overlay === 'production'
        ? ['monitoring.coreos.com/v1 PodMonitor', 'monitoring.coreos.com/v1 PrometheusRule']
        : [],
    );
    for (const { metadata } of manifests) expect(metadata.namespace).toMatch(/^countersign/);
  });

  it.each(pods)(
    '%s: nobody is root, nothing can be written, nothing is without a limit',
    (_, { spec }) => {
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 1000,
          seccompProfile: { type: 'RuntimeDefault' },
        },
      });
      for (const forbidden of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers'])
        expect(spec[forbidden]).toBeUndefined();
      for (const container of spec.containers) {
        expect(container['securityContext']).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        for (const kind of ['requests', 'limits'] as const)
          expect(Object.keys(container.resources[kind]).sort()).toEqual(['cpu', 'memory']);
        expect(container.image).toMatch(/:(?!latest$)[\w.-]+$/);
        expect(['node', 'countersign']).toContain(container.command[0]);
        for (const { name, value } of container.env ?? []) {
          if (/SECRET|PASSWORD|MASTER_KEY/.test(name))
            expect([name, value]).toEqual([expect.stringMatching(/_FILE$/), expect.any(String)]);
        }
      }
      for (const volume of spec.volumes) expect(volume['hostPath']).toBeUndefined();
    },
  );

  it.each(deployments(manifests).map((one) => [one.metadata.name, one] as const))(
    '%s is watched, spread, and taken down gently',
    (name, deployment) => {
      const { spec } = templateOf(deployment)!;
      const [container] = spec.containers;
      for (const probe of ['startupProbe', 'livenessProbe'])
        expect(container).toHaveProperty([probe, 'httpGet', 'path'], '/health/live');
      expect(container).toHaveProperty(['readinessProbe', 'httpGet', 'path'], '/health/ready');
      expect(spec.topologySpreadConstraints.map(({ topologyKey }) => topologyKey)).toEqual([
        'kubernetes.io/hostname',
        'topology.kubernetes.io/zone',
      ]);
      expect(deployment.spec).toMatchObject({
        strategy: { rollingUpdate: { maxUnavailable: 0 } },
      });
      const { preStop } = container!['lifecycle'] as {
        preStop: { exec: { command: string[] } };
      };
      const [, ms] = /setTimeout\(\(\) => \{\}, (\d+)\)/.exec(preStop.exec.command.join(' '))!;
      const drain = Number(settingsIn(manifests, 'settings')['DRAIN_SECONDS']);
      expect(drain).toBeGreaterThan(0);
      // The stop itself is cut short after 4.5 seconds.
      expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(ms) / 1000 + drain + 5);
      for (const kind of ['PodDisruptionBudget', 'HorizontalPodAutoscaler', 'Service'])
        expect(named(manifests, kind, name)).toBeDefined();
      // It would be set back with each `kubectl apply` to what is written here, whatever the autoscaler has made of it.
      expect(deployment.spec).not.toHaveProperty('replicas');
      expect(named(manifests, 'HorizontalPodAutoscaler', name).spec).toMatchObject({
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: overlay === 'development' ? 1 : name === 'identity' ? 3 : 2,
      });
      expect(named(manifests, 'PodDisruptionBudget', name).spec).toMatchObject({
        maxUnavailable: 1,
      });
    },
  );

  it('no secret is in it, and no database', () => {
    expect(manifests.filter(({ kind }) => ['Secret', 'StatefulSet'].includes(kind))).toEqual([]);
    const text = JSON.stringify(manifests);
    expect(text).not.toMatch(/:\/\/[^@/"]*:[^@/"]*@/);
    expect(text).not.toMatch(/"image":"[^"]*(postgres|redis)/);
  });

  it('the migration is a job of its own that identity waits for', () => {
    const job = named(manifests, 'Job', 'migrate');
    expect(templateOf(job)?.spec.containers[0]?.command).toEqual([
      'countersign',
      'migrate',
      '--grant-to',
      'countersign',
    ]);
    // docs/operations/deploy.md applies what it needs by this label.
    const labelled = manifests.filter(({ metadata }) => metadata.labels?.['app'] === 'migrate');
    expect(labelled.map(({ kind }) => kind).sort()).toEqual([
      'ConfigMap',
      'Job',
      'NetworkPolicy',
      'ServiceAccount',
    ]);
    // It owns the tables; identity does not.
    const secretsOf = (manifest: Manifest) => JSON.stringify(templateOf(manifest)?.spec.volumes);
    expect(secretsOf(job)).toContain('"secretName":"postgres-owner"');
    const identity = named(manifests, 'Deployment', 'identity');
    expect(secretsOf(identity)).not.toContain('postgres-owner');
  });

  it('the console runs when it is asked to, for an hour, and reaches the database as identity does', () => {
    const { spec } = named(manifests, 'CronJob', 'console');
    expect(spec).toMatchObject({ suspend: true, jobTemplate: { spec: { backoffLimit: 0 } } });
    const [console] = templateOf(named(manifests, 'CronJob', 'console'))!.spec.containers;
    const [identity] = templateOf(named(manifests, 'Deployment', 'identity'))!.spec.containers;
    expect(console).toMatchObject({ image: identity!.image, envFrom: identity!['envFrom'] });
    expect(identity!.env).toEqual(expect.arrayContaining([...console!.env!]));
    expect(identity!['volumeMounts']).toEqual(
      expect.arrayContaining(console!['volumeMounts'] as unknown[]),
    );
    expect(console!.env!.map(({ name }) => name)).toEqual([
      'MASTER_KEY_FILE',
      'DATABASE_PASSWORD_FILE',
    ]);
  });

  it('no service leads to a management or operator listener', () => {
    for (const { kind, spec } of manifests) {
      if (kind !== 'Service') continue;
      const ports = spec?.['ports'] as readonly { readonly port: number }[];
      for (const { port } of ports) expect([3000, 3001, 3002, 3005, 8080]).toContain(port);
    }
  });
});

describe('who may speak to whom', () => {
  const policiesOf = (manifests: readonly Manifest[]) =>
    manifests
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map(({ metadata, spec }) => [metadata.name, spec] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1));

  it.each(overlays)('%s: nobody to anybody, unless it is said', (overlay) => {
    expect(policiesOf(rendered[overlay])).toEqual(Object.entries(POLICIES));
  });

  it.each(overlays)('%s: each pod has the label by which the policies know it', (overlay) => {
    const pods = withPods(rendered[overlay]).map(({ metadata }) => metadata.name);
    expect(pods.sort()).toEqual([
      'console',
      'gateway',
      'identity',
      'migrate',
      'orders',
      'payments',
    ]);
    for (const manifest of withPods(rendered[overlay]))
      expect(templateOf(manifest)?.metadata.labels).toEqual({ app: manifest.metadata.name });
  });

  it('people come in through the gateway, and operators through nothing', () => {
    const ports = (name: string) =>
      templateOf(named(rendered.production, 'Deployment', name))!.spec.containers[0]!.ports;
    const [ingress, ...others] = rendered.production.filter(({ kind }) => kind === 'Ingress');
    expect(others).toEqual([]);
    expect(JSON.stringify(ingress?.spec).match(/"service":\{.*?\}\}/g)).toEqual([
      '"service":{"name":"gateway","port":{"name":"public"}}',
    ]);
    expect(ports('gateway')).toContainEqual({ name: 'public', containerPort: 8080 });
    // Monitoring reaches the port `management`; that of operators ends within the pod.
    const env = templateOf(named(rendered.production, 'Deployment', 'identity'))!.spec
      .containers[0]!.env;
    expect(env).toContainEqual({ name: 'OPERATOR_BIND_HOST', value: '127.0.0.1' });
    expect(env).toContainEqual({ name: 'OPERATOR_PORT', value: '3010' });
    expect(env).toContainEqual({ name: 'MANAGEMENT_PORT', value: '3013' });
    expect(ports('identity')).toEqual([
      { name: 'public', containerPort: 3000 },
      { name: 'service', containerPort: 3005 },
      { name: 'management', containerPort: 3013 },
    ]);
  });

  // Each of these widens what is allowed.
  const [everyNamespace, everywhere] = [
    { namespaceSelector: {} },
    { ipBlock: { cidr: '0.0.0.0/0' } },
  ];
  const anybody = {
    namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] },
  };
  const identity = POLICIES.identity;
  it.each([
    [
      'a caller in every namespace',
      {
        ...identity,
        ingress: [...identity.ingress, { from: [everyNamespace], ports: [{ port: 'service' }] }],
      },
    ],
    [
      'a caller at every address',
      {
        ...identity,
        ingress: [...identity.ingress, { from: [everywhere], ports: [{ port: 'service' }] }],
      },
    ],
    [
      'a caller by an expression',
      {
        ...identity,
        ingress: [...identity.ingress, { from: [anybody], ports: [{ port: 'service' }] }],
      },
    ],
    [
      'a port by its number',
      {
        ...identity,
        ingress: [...identity.ingress, { from: [everyNamespace], ports: [{ port: 3010 }] }],
      },
    ],
    ['one more destination', { ...identity, egress: [...identity.egress, { to: [everywhere] }] }],
  ])('notices %s', (_, spec) => {
    const changed = rendered.production.map((one) =>
      one.kind === 'NetworkPolicy' && one.metadata.name === 'identity' ? { ...one, spec } : one,
    );
    expect(policiesOf(changed)).not.toEqual(Object.entries(POLICIES));
  });

  it('notices a second policy', () => {
    const second = structuredClone(named(rendered.production, 'NetworkPolicy', 'identity'));
    Object.assign(second.metadata, { name: 'also' });
    expect(policiesOf([...rendered.production, second])).not.toEqual(Object.entries(POLICIES));
  });
});

it('in production the ways to identity, Redis and Postgres are TLS, and verified', () => {
  const all = Object.values({
    ...settingsIn(rendered.production, 'identity-settings'),
    relying: JSON.stringify(settingsIn(rendered.production, 'relying-settings')),
    everywhere: JSON.stringify(settingsIn(rendered.production, 'settings')),
  }).join('\n');
  expect(all).not.toMatch(/(?<![\w+])(http|redis|smtp):\/\//);
  expect(all).not.toContain('ALLOW_INSECURE_HTTP');
  const { DATABASE_URL: url } = settingsIn(rendered.production, 'identity-settings');
  expect(url).toMatch(/sslmode=verify-full&sslrootcert=/);
  const env = templateOf(named(rendered.production, 'Deployment', 'identity'))!.spec.containers[0]!
    .env;
  const given = env?.map(({ name }) => name);
  expect(given).toEqual(
    expect.arrayContaining(['TLS_CERTIFICATE_FILE', 'TLS_KEY_FILE', 'REDIS_CA_FILE']),
  );
});
