import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { claimFolder } from './claim-folder.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { endLeftOverServer } from './left-over-server.js';
import { privateFolder } from './private-folder.js';
import { canReach, type RunAs } from './run-as.js';

/** Where a server's files are, held for this process. */
export interface DataHome {
  /** The folder that holds `data`. */
  readonly home: string;
  /** What Postgres calls PGDATA. */
  readonly data: string;
  /** Lets others use the data again. */
  readonly release: () => Promise<void>;
}

/**
 * Takes hold of the place where the data of `dataDir` lives. Normally that is `dataDir`. When Postgres must run as
 * another user who cannot get there (a clone under /root, a private state folder), it is a folder outside, and
 * `dataDir/location` says which, so that the next start finds the same data.
 *
 * @throws {EmbeddedPostgresError} `in_use`, `data_unreachable`.
 */
export async function openDataHome(
  dataDir: string,
  runAs: RunAs | undefined,
  onProgress: (message: string) => void,
): Promise<DataHome> {
  await makeFolder(dataDir);
  const release = await claimFolder(dataDir);
  try {
    const outside = await outsideHome(dataDir, runAs);
    if (outside === undefined) return { home: dataDir, data: join(dataDir, 'data'), release };
    const releaseOutside = await settleOutside(dataDir, outside, onProgress);
    const releaseBoth = async (): Promise<void> => {
      await releaseOutside();
      await release();
    };
    return { home: outside, data: join(outside, 'data'), release: releaseBoth };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * Deletes a data folder and what belongs to it elsewhere, ending a server that still runs on it.
 * For throw-away servers and for a fresh start; there is no way back.
 */
export async function removeEmbeddedPostgresData(dataDir: string): Promise<void> {
  for (const home of [await readLocation(dataDir), dataDir]) {
    if (home === undefined) continue;
    await endLeftOverServer(join(home, 'data'), () => undefined);
    await rm(home, { recursive: true, force: true });
  }
}

/** The folder outside where the data is, or is to be; undefined when it is in `dataDir` itself. */
async function outsideHome(dataDir: string, runAs: RunAs | undefined): Promise<string | undefined> {
  const remembered = await readLocation(dataDir);
  if (remembered !== undefined) return remembered;
  if (await canReach(runAs, dataDir)) return undefined;
  if (await exists(join(dataDir, 'data'))) {
    throw new EmbeddedPostgresError(
      'data_unreachable',
      `There is data in ${dataDir}, but the user Postgres runs as cannot get there. ` +
        'Run as the user who made it, or delete that folder to start empty.',
    );
  }
  return join(await privateFolder(runAs), await homeName(dataDir));
}

async function settleOutside(
  dataDir: string,
  home: string,
  onProgress: (message: string) => void,
): Promise<() => Promise<void>> {
  const isNew = await makeFolder(home);
  const release = await claimFolder(home);
  if ((await readLocation(dataDir)) === undefined) {
    onProgress(`Postgres does not run as root, so its data is kept in ${home}`);
    // Data of an earlier state folder at this path, since deleted: nobody has its password any more.
    await endLeftOverServer(join(home, 'data'), onProgress);
    await rm(join(home, 'data'), { recursive: true, force: true });
    await writeFile(join(dataDir, 'location'), home, { mode: 0o600 });
  } else if (isNew) {
    onProgress(`the data that was kept in ${home} is gone; starting empty`);
  }
  return release;
}

/** Others may pass through (Postgres under another user has to), not look around. True when it was not there. */
async function makeFolder(path: string): Promise<boolean> {
  const made = (await mkdir(path, { recursive: true })) !== undefined;
  if (made) await chmod(path, 0o711);
  return made;
}

async function readLocation(dataDir: string): Promise<string | undefined> {
  const text = await readFile(join(dataDir, 'location'), 'utf8').catch(() => '');
  return text.trim() || undefined;
}

/** Readable, and one per path: two clones never share data. */
async function homeName(dataDir: string): Promise<string> {
  const path = await realpath(dataDir);
  return `${basename(path)}-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
