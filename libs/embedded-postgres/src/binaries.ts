import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { privateFolder } from './private-folder.js';
import { type RunAs, spawnIdentity } from './run-as.js';

const run = promisify(execFile);

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Of the server, such as 18. */
  readonly majorVersion: number;
}

/**
 * Makes the programs of the platform package usable by the user Postgres runs as: in place when that works, else as
 * a copy in our private folder, made once per version.
 */
export async function prepareBinaries(
  nativeFolder: string,
  runAs: RunAs | undefined,
  onProgress: (message: string) => void,
): Promise<Binaries> {
  await linkLibraries(nativeFolder).catch(() => undefined); // A read-only node_modules: the copy gets them.
  const inPlace = await tryBinaries(nativeFolder, runAs);
  if (typeof inPlace !== 'string') return inPlace;

  const copy = join(await privateFolder(runAs), await copyName(nativeFolder));
  const existing = await tryBinaries(copy, runAs);
  if (typeof existing !== 'string') return existing;
  onProgress(`copying the Postgres programs to ${copy}, where an unprivileged user can run them`);
  await copyBinaries(nativeFolder, copy, runAs);
  const copied = await tryBinaries(copy, runAs);
  if (typeof copied !== 'string') return copied;
  throw new EmbeddedPostgresError(
    'unsupported_platform',
    `The Postgres programs of the npm package do not run on this machine: ${copied}. ` +
      'They need glibc on Linux. Set DATABASE_URL to use a Postgres server of your own.',
  );
}

/** The 18 of `postgres (PostgreSQL) 18.4`. */
export function parseMajorVersion(versionOutput: string): number | undefined {
  const major = /\(PostgreSQL\) (\d+)/.exec(versionOutput)?.[1];
  return major === undefined ? undefined : Number(major);
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/** npm packages cannot hold symbolic links; the package lists them, relative to itself, for a script we do not run. */
async function linkLibraries(nativeFolder: string): Promise<void> {
  const list = await readFile(join(nativeFolder, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const root = dirname(nativeFolder);
  for (const { source, target } of JSON.parse(list) as LibraryLink[]) {
    await symlink(basename(source), join(root, target)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}

/** The programs in a folder, or why that user cannot run them. */
async function tryBinaries(folder: string, runAs: RunAs | undefined): Promise<Binaries | string> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const postgres = join(folder, 'bin', `postgres${suffix}`);
  const initdb = join(folder, 'bin', `initdb${suffix}`);
  try {
    const options = { ...spawnIdentity(runAs), cwd: '/' };
    const { stdout } = await run(postgres, ['--version'], options);
    await run(initdb, ['--version'], options);
    const majorVersion = parseMajorVersion(stdout);
    if (majorVersion === undefined) return `unexpected version: ${stdout}`;
    return { initdb, postgres, majorVersion };
  } catch (error) {
    return (error as Error).message.trim();
  }
}

async function copyName(nativeFolder: string): Promise<string> {
  const manifest = await readFile(join(dirname(nativeFolder), 'package.json'), 'utf8');
  const { name, version } = JSON.parse(manifest) as { name: string; version: string };
  return `${basename(name)}-${version}`;
}

async function copyBinaries(
  nativeFolder: string,
  copy: string,
  runAs: RunAs | undefined,
): Promise<void> {
  // Renamed when whole, so that two starting at once, or one interrupted, leave no half copy under the final name.
  const draft = `${copy}.${randomUUID()}`;
  try {
    await mkdir(draft, { mode: 0o755 });
    const native = join(draft, 'native');
    await cp(nativeFolder, native, {
      recursive: true,
      verbatimSymlinks: true, // Links made in place must not lead back to where nobody else gets.
      filter: (path) => !path.endsWith('.a'),
    });
    await linkLibraries(native);
    await openToAll(native);
    // An earlier copy that does not run gives way; one that another start has just put there stays.
    if (typeof (await tryBinaries(copy, runAs)) === 'string') {
      await rm(copy, { recursive: true, force: true });
    }
    await rename(native, copy).catch((error: unknown) => {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** A strict umask at install time may have left the files readable by their owner only. */
async function openToAll(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  await run('chmod', ['-R', 'u+rwX,go+rX,go-w', folder]);
}
