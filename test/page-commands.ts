import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CliResult } from './stack.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A page of the documentation whose commands a test runs, by its path in the repository. */
export const readPage = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The lines of each shell block of a text, those inside of lists too. */
export function shellBlocks(text: string): string[][] {
  return [...text.matchAll(/^ *```sh\n([^]*?)^ *```$/gm)].map(([, block = '']) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  );
}

export const shellLines = (text: string): string[] => shellBlocks(text).flat();

/** Those under a heading of the second level. */
export const shellLinesUnder = (page: string, heading: string): string[] =>
  shellLines(page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '');

/** Makes a folder with the built `countersign` in it. @returns the PATH that begins with it */
export function pathWithCountersign(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const command = join(bin, 'countersign');
  const program = join(root, 'apps/identity/dist/cli.js');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(command, 0o755);
  return `${bin}:${process.env['PATH'] ?? ''}`;
}

/**
 * Adds a `kubectl` to the folder of {@link pathWithCountersign}, which has no cluster: it writes down what it was asked. `exec` runs the
 * command here with nothing but `podEnv`, and `port-forward` forwards nothing, for a while.
 *
 * @returns what it has written down so far
 */
export function addKubectl(folder: string, podEnv: Record<string, string>): () => string[] {
  const asked = join(folder, 'kubectl-asked');
  writeFileSync(asked, '');
  const variables = Object.entries(podEnv).map(([name, value]) => `${name}='${value}'\n`);
  writeFileSync(join(folder, 'pod.env'), variables.join(''), { mode: 0o600 });
  const script = `#!/bin/sh
cd '${folder}'
echo "kubectl $*" >>kubectl-asked
case " $* " in
  *' port-forward '*) exec >/dev/null 2>&1; sleep 20; echo 'a port-forward was waited for' >>kubectl-asked ;;
  *' exec '*)
    while [ "$1" != -- ]; do shift; done; shift
    exec env -i PATH="$PATH" sh -c 'set -a; . ./pod.env; exec "$@"' sh "$@" ;;
esac
`;
  writeFileSync(join(folder, 'bin', 'kubectl'), script, { mode: 0o755 });
  return () => readFileSync(asked, 'utf8').trim().split('\n');
}

/**
 * Puts a `docker` first on the path whose containers are this machine: what `docker compose exec` names is run with `containerEnv`, and with
 * those variables of the caller's that `-e` hands over. Of all else it says nothing.
 */
export function addDocker(folder: string, containerEnv: Record<string, string>): void {
  const given = Object.entries(containerEnv).map(([name, value]) => `${name}='${value}'`);
  const script = `#!/bin/sh
[ "$1 $2" = 'compose exec' ] || exit 0
shift 2
handed=
while :; do
  case "$1" in
    -e) handed="$handed $2=$(printenv "$2")"; shift 2 ;;
    --index) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
shift
exec env -i PATH="$PATH" ${given.join(' ')} $handed "$@"
`;
  writeFileSync(join(folder, 'bin', 'docker'), script, { mode: 0o755 });
}

/** Enters a line at a shell. */
export function enterLine(
  line: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<CliResult> {
  return new Promise((resolve) => {
    const child = execFile('sh', ['-c', line], options, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}
