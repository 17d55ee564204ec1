import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The user Postgres runs as. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Postgres refuses to run as root. When we are root this chooses whom it runs as: the owner of the data that is
 * already there, else `nobody` (initdb wants a user with a name). Undefined means: as ourselves.
 */
export async function chooseRunAs(existingData: string): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(existingData).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return { uid: await idOfNobody('-u'), gid: await idOfNobody('-g') };
}

/** The part of spawn's options that makes the child run as `runAs`, with nothing else of ours. */
export function spawnIdentity(runAs: RunAs | undefined): { uid?: number; gid?: number } {
  // macOS gives nobody the id -2, which `id` prints unsigned; spawn wants a signed 32-bit number.
  return runAs === undefined ? {} : { uid: runAs.uid | 0, gid: runAs.gid | 0 };
}

/** Whether that user gets through to `folder`. Found out by trying, since modes are not all there is. */
export async function canReach(runAs: RunAs | undefined, folder: string): Promise<boolean> {
  if (runAs === undefined) return true;
  try {
    await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...spawnIdentity(runAs), cwd: '/' });
    return true;
  } catch {
    return false;
  }
}

async function idOfNobody(flag: '-u' | '-g'): Promise<number> {
  const { stdout } = await run('id', [flag, 'nobody']);
  return Number(stdout.trim());
}
