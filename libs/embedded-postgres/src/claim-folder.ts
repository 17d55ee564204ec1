import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { commandOf, isAlive, startOf } from './process-table.js';

interface Owner {
  readonly pid: number;
  readonly started: string;
}

/**
 * Marks a folder as used by this process, until the returned function is called. A mark whose process is gone (or
 * whose process id belongs to a later process) does not count.
 * @throws {EmbeddedPostgresError} `in_use` when another living process has it.
 */
export async function claimFolder(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'owner.json');
  const mark = JSON.stringify({ pid: process.pid, started: (await startOf(process.pid)) ?? '' });
  for (;;) {
    try {
      await writeFile(file, mark, { flag: 'wx', mode: 0o600 });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = parseOwner(await readFile(file, 'utf8').catch(() => ''));
    if (owner !== undefined && (await stillRuns(owner))) {
      throw new EmbeddedPostgresError(
        'in_use',
        `${folder} is in use by process ${owner.pid} ` +
          `(${(await commandOf(owner.pid)) ?? 'unknown command'}). Stop that one first.`,
      );
    }
    await rm(file, { force: true });
  }
}

/** Undefined for a file that was cut off by a crash. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined;
  } catch {
    return undefined;
  }
}

async function stillRuns({ pid, started }: Owner): Promise<boolean> {
  return isAlive(pid) && ((await startOf(pid)) ?? '') === started;
}
