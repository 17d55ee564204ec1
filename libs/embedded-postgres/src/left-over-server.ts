import { readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isPostgresCommand, isPostmasterCommand, parsePostmasterPid } from './postmaster-pid.js';
import { commandOf, isAlive, workingFolderOf } from './process-table.js';
import { shutDown } from './shut-down.js';

/**
 * Clears what a crash left in a data directory.
 *
 * A server whose starter died is stopped cleanly, not adopted: it may be of other binaries or settings, its log goes
 * nowhere, and we could not see it end. The lock file of a server that is gone is deleted, also when its process id
 * now belongs to another program, which Postgres by itself would take for a running server.
 *
 * Call it only as the owner of the data (see claim-folder.ts): it does not ask whether somebody uses the server.
 */
export async function endLeftOverServer(
  data: string,
  onProgress: (message: string) => void,
): Promise<void> {
  const lockFile = join(data, 'postmaster.pid');
  const text = await readFile(lockFile, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const lock = parsePostmasterPid(text);
  if (lock !== undefined && (await isPostmaster(lock.pid, data))) {
    onProgress(
      `stopping Postgres (process ${lock.pid}), left over by a run that did not end cleanly`,
    );
    await shutDown(lock.pid, () => !isAlive(lock.pid));
  }
  await rm(lockFile, { force: true });
}

async function isPostmaster(pid: number, data: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const command = (await commandOf(pid)) ?? '';
  // It works in its data directory; that holds even when the folder was moved or is reached by another path.
  const folder = workingFolderOf(pid);
  if (folder === undefined) return isPostmasterCommand(command, data);
  return isPostgresCommand(command) && folder === (await realpath(data));
}
