import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { updateLines } from '../../tools/src/compose-check/update-lines.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly user?: string;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?:
    readonly string[] | Readonly<Record<string, { readonly ipv4_address: string }>>;
  readonly network_mode?: string;
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly restart?: string;
  readonly deploy?: {
    readonly replicas?: number;
    readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
  };
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const file = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<
    Record<
      string,
      {
        readonly internal?: boolean;
        readonly ipam?: {
          readonly config: readonly { readonly subnet: string; readonly ip_range: string }[];
        };
      } | null
    >
  >;
  readonly secrets: Readonly<Record<string, { readonly file?: string }>>;
};
const { services, networks, secrets } = file;
const each = Object.entries(services);
const networksOf = ({ networks: its = [] }: Service) =>
  Array.isArray(its) ? (its as readonly string[]) : Object.keys(its);
const on = (network: string) =>
  each.filter(([, service]) => networksOf(service).includes(network)).map(([name]) => name);

it.each(each)('%s is hardened', (name, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  expect(service.security_opt).toEqual(['no-new-privileges:true']);
  expect(service.privileged).toBeUndefined();
  expect(service.network_mode).toBeUndefined();
  expect(Object.keys(service.deploy?.resources?.limits ?? {}).sort()).toEqual(['cpus', 'memory']);
  for (const volume of service.volumes ?? [])
    expect(volume).toMatch(
      /^(\w+:\/[\w/]+|\.\/gateways\/nginx:\/etc\/countersign:ro|\.\/tools\/compose-roles\.sql:\/roles\.sql:ro)$/,
    );
  // Postgres' own entry point takes its data over and then is root no more.
  if (name === 'postgres') return;
  expect(service.cap_add).toBeUndefined();
  expect(service.user).toMatch(/^(?!0|root).+/);
});

it('the update that docs/operations/deploy.md describes replaces every service of ours, whatever its containers are called', () => {
  const lines = updateLines(readFileSync(join(root, 'docs/operations/deploy.md'), 'utf8'));
  const ours = each.filter(
    ([, { image, restart }]) => image === 'countersign' && restart === 'unless-stopped',
  );
  const names = ours.map(([name]) => name).join(' ');
  expect(lines).toContain(`$(docker compose ps -q ${names})`);
  expect(lines).toMatch(new RegExp(`docker compose up .* ${names}\n`));
  expect(lines).not.toMatch(/countersign[-_]/);
});

it('nothing of ours starts through a shell', () => {
  const ours = each.filter(([, { image }]) => image === 'countersign');
  expect(ours.map(([name]) => name)).toEqual(
    expect.arrayContaining(['identity', 'orders', 'payments', 'migrate']),
  );
  for (const [, { command, entrypoint }] of ours) {
    expect(['node', 'countersign']).toContain(command?.[0]);
    expect(entrypoint).toBeUndefined();
  }
});

it('each service has two replicas; identity starts when the migration, which runs once, has succeeded', () => {
  for (const name of ['identity', 'orders', 'payments'])
    expect(services[name]?.deploy?.replicas).toBe(2);
  expect(services['migrate']).toMatchObject({
    command: ['countersign', 'migrate', '--grant-to', 'countersign'],
    restart: 'on-failure',
  });
  expect(services['identity']?.depends_on?.['migrate']?.condition).toBe(
    'service_completed_successfully',
  );
  expect(services['migrate']?.depends_on?.['roles']?.condition).toBe(
    'service_completed_successfully',
  );
  expect(services['roles']?.depends_on?.['postgres']?.condition).toBe('service_healthy');
});

it('identity is neither superuser nor owner of the tables, who work for the jobs alone', () => {
  const users = (setting: string) =>
    each
      .filter(([, { environment }]) => environment?.[setting] !== undefined)
      .map(([name, { environment }]) => [name, new URL(environment![setting]!).username]);
  expect(users('DATABASE_URL')).toEqual([
    ['identity', 'countersign'],
    ['migrate', 'countersign'],
    ['demo-account', 'countersign'],
  ]);
  expect(users('MIGRATION_DATABASE_URL')).toEqual([['migrate', 'countersign_owner']]);
  expect(services['postgres']?.environment).toEqual({ POSTGRES_DB: 'countersign' });
  const roles = readFileSync(join(root, 'tools/compose-roles.sql'), 'utf8');
  expect(roles).toContain('ALTER DATABASE countersign OWNER TO countersign_owner');
  expect(roles).not.toMatch(/SUPERUSER|CREATEROLE|CREATEDB|BYPASSRLS|GRANT countersign_owner/);
});

it('whatever goes on running has a health check', () => {
  for (const [name, { image, restart, healthcheck }] of each) {
    if (restart === 'on-failure') expect([name, healthcheck]).toEqual([name, { test: ['NONE'] }]);
    // In the image.
    else if (image === 'countersign') expect([name, healthcheck]).toEqual([name, undefined]);
    else expect([name, healthcheck?.test?.[0]]).toEqual([name, expect.stringMatching(/^CMD/)]);
  }
  const { environment, healthcheck } = services['edge']!;
  const port = environment!['MANAGEMENT_PORT']!;
  expect(healthcheck?.test?.join(' ')).toContain(`/127.0.0.1/${port} `);
  expect(healthcheck?.test?.join(' ')).toContain('GET /health/ready ');
});

it('operators come by a command in the container, not over a network', () => {
  expect(services['identity']?.environment).toMatchObject({
    OPERATOR_BIND_HOST: '127.0.0.1',
    MANAGEMENT_PORT: '3013',
  });
});

it('the edge is gateways/nginx as it stands, and each of its names is filled in', () => {
  const template = readFileSync(
    join(root, 'gateways/nginx/nginx.conf.template'),
    'utf8',
  ).replaceAll(/^\s*#.*$/gm, '');
  const { environment = {}, entrypoint = [], image } = services['edge']!;
  expect(image).toMatch(/^nginx:/);
  const names = [...template.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name = '']) => name);
  expect(Object.keys(environment).sort()).toEqual([...new Set(names)].sort());
  for (const name of names) expect(entrypoint.join(' ')).toContain(`$\${${name}}`);
});

it('the edge ends kept connections with an answer where its nginx can, and starts where it cannot', () => {
  const [, , script = ''] = services['edge']!.entrypoint!;
  const [, change = ''] = /sed '(.+?)' \/tmp\/nginx.conf >\/tmp\/newer.conf;/.exec(script) ?? [];
  const template = join(root, 'gateways/nginx/nginx.conf.template');
  const { stdout } = spawnSync('sed', [change, template], { encoding: 'utf8' });
  const changed = stdout.split('\n').filter((line) => !/^\s*#/.test(line));
  expect(changed).toContain('    keepalive_min_timeout 10s;');
  expect(readFileSync(template, 'utf8')).not.toMatch(/^\s*keepalive_min_timeout/m);
  expect(script).toMatch(
    /nginx -q -t -c \/tmp\/newer.conf 2>\/dev\/null && mv \/tmp\/newer.conf \/tmp\/nginx.conf; exec nginx -c \/tmp\/nginx.conf /,
  );
});

it('identity believes the edge, by an address that nobody else gets, and nobody else', () => {
  const prefix = '${SERVICES_PREFIX:-10.213.77}';
  expect(networks['services']?.ipam?.config).toEqual([
    { subnet: `${prefix}.0/24`, ip_range: `${prefix}.0/25` },
  ]);
  const address = `${prefix}.250`;
  expect(services['edge']?.networks).toEqual({ services: { ipv4_address: address } });
  expect(services['identity']?.environment).toMatchObject({
    TRUSTED_PROXIES: address,
    FORWARD_AUTH_PEERS: address,
  });
});

describe('from outside', () => {
  it('only the edge can be reached', () => {
    const published = each.filter(([, { ports }]) => ports !== undefined).map(([name]) => name);
    expect(published).toEqual(['edge']);
    expect(services['edge']?.ports).toEqual(['${EDGE_PORT:-8080}:8080']);
  });

  it('every network but that of the services is internal, and nobody is on the network of all', () => {
    const open = Object.keys(networks).filter((name) => networks[name]?.internal !== true);
    expect(open).toEqual(['services']);
    expect(on('services').sort()).toEqual(['edge', 'identity', 'orders', 'payments']);
    for (const [, service] of each) expect(networksOf(service)).not.toEqual([]);
  });

  it('Postgres is for identity alone, Redis for who hears of revocations', () => {
    const clients = ['demo-account', 'identity', 'migrate', 'postgres', 'roles'];
    expect(on('database').sort()).toEqual(clients);
    expect(services['postgres']?.networks).toEqual(['database']);
    expect(services['redis']?.networks).toEqual(['revocations']);
    expect(on('revocations').sort()).toEqual(['identity', 'orders', 'payments', 'redis']);
  });
});

describe('secrets', () => {
  it('are files, which only those are given who need them', () => {
    const given = each.flatMap(([, service]) => service.secrets ?? []);
    expect(new Set(given)).toEqual(new Set(Object.keys(secrets)));
    for (const { file: path } of Object.values(secrets)) expect(path).toMatch(/^\.\/secrets\//);
    const keepers = (secret: string) =>
      each.filter(([, { secrets: its }]) => its?.includes(secret)).map(([name]) => name);
    expect(keepers('master-keys').sort()).toEqual(['demo-account', 'identity', 'migrate']);
    expect(keepers('postgres-password').sort()).toEqual(['postgres', 'roles']);
    expect(keepers('postgres-owner-password').sort()).toEqual(['migrate', 'roles']);
    expect(keepers('orders-secret')).toEqual(['orders']);
    expect(keepers('payments-secret')).toEqual(['payments']);
    expect(keepers('redis-relay-password')).not.toContain('orders');
  });

  it('are in no environment', () => {
    for (const [name, { environment = {} }] of each) {
      for (const [variable, value] of Object.entries(environment)) {
        const isSecret = /PASSWORD|SECRET|MASTER_KEY|TOKEN/.test(variable);
        if (isSecret) expect([name, variable]).toEqual([name, expect.stringMatching(/_FILE$/)]);
        if (isSecret) expect(value).toMatch(/^\/run\/secrets\//);
        expect(value).not.toMatch(/:\/\/[^@/]*:[^@/]*@/);
      }
    }
  });

  it('are made once, all that the file names, in a folder that others cannot enter', () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-secrets-'));
    const target = join(folder, 'secrets');
    const make = () =>
      spawnSync(process.execPath, [join(root, 'tools/compose-secrets.mjs'), target]);
    const read = (name: string) => readFileSync(join(target, name), 'utf8');
    try {
      expect(make().status).toBe(0);
      const names = Object.values(secrets).map(({ file: path = '' }) => path.split('/').at(-1)!);
      const first = names.map(read);
      expect(make().status).toBe(0);
      expect(names.map(read)).toEqual(first);
      expect(statSync(target).mode & 0o777).toBe(0o700);
      expect(JSON.parse(read('relying-services.json'))).toContainEqual({
        id: 'orders',
        audience: 'orders',
        secret_sha256: createHash('sha256').update(read('orders-secret').trim()).digest('hex'),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
