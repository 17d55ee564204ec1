import { execFile } from 'node:child_process';
import { access, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.js';
import type { DataHome } from './data-home.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { type RunAs, spawnIdentity } from './run-as.js';
import { serverEnvironment } from './server-environment.js';

const run = promisify(execFile);

/**
 * Makes sure that there is a finished data directory of the right version. A new one is made under another name and
 * renamed when it is whole; what an interrupted attempt left is deleted and made again.
 *
 * @throws {EmbeddedPostgresError} `other_version`, `initdb_failed`.
 */
export async function prepareCluster(
  { home, data }: Pick<DataHome, 'home' | 'data'>,
  binaries: Binaries,
  options: { runAs: RunAs | undefined; password: string; durable: boolean },
  onProgress: (message: string) => void,
): Promise<void> {
  if (await isFinished(data)) {
    await requireVersion(data, binaries.majorVersion);
    return;
  }
  onProgress('preparing an empty Postgres database');
  const draft = join(home, 'data.new');
  const passwordFile = join(home, 'initdb-password');
  try {
    await rm(data, { recursive: true, force: true });
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordFile, options.password, { mode: 0o600 });
    await giveTo(options.runAs, draft, passwordFile);
    await initdb(binaries.initdb, draft, passwordFile, options);
    await rename(draft, data);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** initdb writes PG_VERSION early and the control file later; only both make a data directory. */
async function isFinished(data: string): Promise<boolean> {
  try {
    await access(join(data, 'PG_VERSION'));
    await access(join(data, 'global', 'pg_control'));
    return true;
  } catch {
    return false;
  }
}

async function requireVersion(data: string, majorVersion: number): Promise<void> {
  const found = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  if (found === String(majorVersion)) return;
  throw new EmbeddedPostgresError(
    'other_version',
    `The data in ${data} is of Postgres ${found}, these programs are Postgres ${majorVersion}. ` +
      'Delete the state folder to start empty, or install the version of Countersign that made it and take a dump first.',
  );
}

async function initdb(
  program: string,
  data: string,
  passwordFile: string,
  options: { runAs: RunAs | undefined; durable: boolean },
): Promise<void> {
  const flags = ['--encoding=UTF8', '--locale=C', '--username=postgres', '--auth=scram-sha-256'];
  if (!options.durable) flags.push('--no-sync');
  try {
    await run(program, [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...flags], {
      ...spawnIdentity(options.runAs),
      cwd: '/',
      env: serverEnvironment(process.env),
    });
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string };
    throw new EmbeddedPostgresError(
      'initdb_failed',
      `Postgres could not prepare its data in ${data}: ${stderr?.trim() || message}`,
      { cause },
    );
  }
}

async function giveTo(runAs: RunAs | undefined, ...paths: string[]): Promise<void> {
  if (runAs === undefined) return;
  for (const path of paths) await chown(path, runAs.uid, runAs.gid);
}
