import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { shellLines } from '../page-commands.js';
import { podEnvironment, render } from './kustomize.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n');
/** Also those that stand in a sentence. */
const linesOf = (page: string) => {
  const text = read(page);
  const inSentences = [...text.matchAll(/`((?:kubectl -n|docker compose) [^`\n]+)`/g)];
  return [...shellLines(text), ...inSentences.map(([, line = '']) => line)].filter((line) =>
    /\b(kubectl|docker compose) /.test(line),
  );
};

const manifests = render(join(root, 'k8s/overlays/production'));
const namespace = manifests[0]!.metadata.namespace!;
const KINDS: Readonly<Record<string, string>> = {
  deployment: 'Deployment',
  job: 'Job',
  cronjob: 'CronJob',
  hpa: 'HorizontalPodAutoscaler',
};
const isRendered = (kind: string, name: string): boolean =>
  manifests.some((one) => one.kind === KINDS[kind] && one.metadata.name === name) ||
  // Made from it.
  (kind === 'job' && isRendered('cronjob', name));

/** The port at which a pod of an application is asked how it is: identity's is that of operators. */
function portOf(app: string): string | undefined {
  const env = podEnvironment(manifests, 'Deployment', app);
  return env['OPERATOR_PORT'] ?? env['MANAGEMENT_PORT'];
}

/** What a line of kubectl says that the manifests do not. */
function faultsOfKubectl(line: string): string[] {
  const faults: string[] = [];
  const [, folder] = / -k (\S+)/.exec(line) ?? [];
  if (folder !== undefined) return existsSync(join(root, folder)) ? [] : [folder];
  const clusterWide = /kubectl (create namespace|kustomize|version|\d)/.test(line);
  if (!clusterWide && !line.includes(`-n ${namespace} `)) faults.push('no namespace');
  const objects = [
    ...line.matchAll(/\b(deployment|cronjob|job|hpa)[/ ]([a-z]+)\b/g),
    ...line.matchAll(/(?:--selector=|-l )(app)=(\w+)/g),
  ];
  for (const [said, kind = '', name = ''] of objects) {
    const isThere =
      kind === 'app'
        ? ['deployment', 'job', 'cronjob'].some((one) => isRendered(one, name))
        : isRendered(kind, name);
    if (!isThere) faults.push(said);
  }
  const [, target, port] = / port-forward (\S+) (\d+)/.exec(line) ?? [];
  if (target !== undefined) {
    // `$POD` is that of the example before it.
    const app = target.replace(/^\w+\//, '').replace('$POD', 'orders');
    if (portOf(app) !== port) faults.push(`${target} ${port!}`);
    if (!line.endsWith(' &')) faults.push('holds the terminal');
  }
  return faults;
}

const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<
    Record<string, { readonly environment?: Readonly<Record<string, string>> }>
  >;
};

/** What a line of compose says that docker-compose.yml does not. */
function faultsOfCompose(line: string): string[] {
  const [, command = '', rest = ''] = /docker compose (\w+) ?(.*)/.exec(line) ?? [];
  const words = rest
    .replace(/ -- .*| \|.*|\).*/, '')
    .replace(/-e \S+|--(since|index) \S+/g, '')
    .split(' ')
    .filter((word) => word !== '' && !word.startsWith('-'));
  const named = ['exec', 'run', 'build', 'logs'].includes(command) ? words.slice(0, 1) : words;
  const isSaid = ['exec', 'run', 'build', 'logs', 'ps', 'up'].includes(command);
  const faults = isSaid ? named.filter((name) => !(name in services)) : [];
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(line) ?? [];
  const { MANAGEMENT_PORT: own } = services[named[0] ?? '']?.environment ?? {};
  return port === undefined || port === own ? faults : [...faults, port];
}

it.each<[string, string[]]>([
  ['kubectl -n countersign logs deployment/order', ['deployment/order']],
  ['kubectl -n countersign port-forward deployment/orders 3010 &', ['deployment/orders 3010']],
  ['kubectl -n countersign port-forward pod/$POD 3011', ['holds the terminal']],
  ['kubectl logs deployment/orders', ['no namespace']],
  ['kubectl -n countersign wait --for=delete pod --selector=app=nobody', ['--selector=app=nobody']],
  [
    'kubectl -n countersign create job consul --from=cronjob/consul',
    ['job consul', 'cronjob/consul'],
  ],
  ['kubectl apply -k k8s/overlays/elsewhere', ['k8s/overlays/elsewhere']],
])('notices what is wrong in: %s', (line, faults) => {
  expect(faultsOfKubectl(line)).toEqual(faults);
});

it('notices a service or a port that is not in docker-compose.yml', () => {
  expect(faultsOfCompose('docker compose exec edges nginx')).toEqual(['edges']);
  expect(faultsOfCompose('docker compose exec orders x http://127.0.0.1:3012/')).toEqual(['3012']);
});

it.each(pages)('what %s says of the cluster and of compose is there', (page) => {
  for (const line of linesOf(page)) {
    const faults = line.includes('kubectl') ? faultsOfKubectl(line) : faultsOfCompose(line);
    expect([line, faults]).toEqual([line, []]);
  }
});

it('an operator can be made where the page says: the pod has the settings for it', () => {
  expect(read('docs/operations/deploy.md')).toContain(
    'exec deployment/identity -- countersign operators add',
  );
  expect(podEnvironment(manifests, 'Deployment', 'identity')).toMatchObject({
    DATABASE_URL: expect.stringMatching(/^postgres:/),
    DATABASE_PASSWORD_FILE: expect.stringMatching(/^\//),
  });
});
