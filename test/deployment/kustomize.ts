import { spawnSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';

/** An object of a cluster, as it is rendered. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** The settings that the first container of a pod is given, whatever their values: files and texts. */
export function podEnvironment(
  manifests: readonly Manifest[],
  kind: string,
  name: string,
): Readonly<Record<string, string>> {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  const template = templateOf(found!) as
    | {
        readonly spec: {
          readonly containers: readonly {
            readonly env?: readonly { readonly name: string; readonly value: string }[];
            readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
          }[];
        };
      }
    | undefined;
  const { env = [], envFrom = [] } = template!.spec.containers[0]!;
  const maps = envFrom.map(({ configMapRef }) => {
    const map = manifests.find(
      (one) => one.kind === 'ConfigMap' && one.metadata.name === configMapRef.name,
    );
    return map!['data'] as Record<string, string>;
  });
  const own = env.map((one) => [one.name, one.value] as const);
  return Object.assign({}, ...maps, Object.fromEntries(own)) as Record<string, string>;
}

/** What pods are made from, by a deployment, a job or a cron job. */
export const templateOf = ({ spec }: Manifest): unknown =>
  spec?.['template'] ?? (spec?.['jobTemplate'] as Manifest | undefined)?.spec?.['template'];

const CANDIDATES = [
  { build: ['kustomize', 'build'], version: ['kustomize', 'version'] },
  { build: ['kubectl', 'kustomize'], version: ['kubectl', 'version', '--client'] },
] as const;

/**
 * Renders a folder with kustomize.
 *
 * @throws saying what to install, without kustomize 4 or later
 */
export function render(folder: string): readonly Manifest[] {
  const found = CANDIDATES.find(({ version }) => majorOf(version) >= 4);
  if (!found) {
    throw new Error(
      'kustomize 4 or later is needed to render k8s/: run "npm run test:setup", or install kustomize, or kubectl 1.24 or later',
    );
  }
  const [program, command] = found.build;
  const { status, stdout, stderr } = spawnSync(program, [command, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`kustomize cannot render ${folder}: ${stderr}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

/** `v5.5.0`, `{kustomize/v4.5.7 …}`, `Kustomize Version: v5.5.0`; kubectl before 1.24 does not tell, and is too old. */
function majorOf([program, ...args]: readonly string[]): number {
  const { stdout } = spawnSync(program!, args, { encoding: 'utf8' }) as { stdout: string | null };
  const told = /(?:^|kustomize\/|Kustomize Version: )v(\d+)\./m.exec(stdout ?? '');
  return Number(told?.[1] ?? 0);
}
