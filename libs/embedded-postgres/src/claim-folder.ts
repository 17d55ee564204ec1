import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
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
 *
 * Marks are numbered, and the highest one counts. Who finds it stale adds the next number, which only one can, and deletes
 * only lower ones; who gives a folder up empties the mark and leaves it. So nobody can take away a mark that is newer than
 * the one that they have read.
 *
 * @throws {EmbeddedPostgresError} `in_use` when another living process has it.
 */
export async function claimFolder(folder: string): Promise<() => Promise<void>> {
  const mark = JSON.stringify({ pid: process.pid, started: (await startOf(process.pid)) ?? '' });
  for (;;) {
    const numbers = await numbersOfMarks(folder);
    const newest = Math.max(0, ...numbers);
    await requireUnused(folder, newest);
    const file = markFile(folder, newest + 1);
    if (!(await createWhole(file, mark))) continue;
    if (Math.max(...(await numbersOfMarks(folder))) > newest + 1) {
      // What we had read was long past: the number had been used, and deleted by those who came later.
      await rm(file, { force: true });
      continue;
    }
    for (const number of numbers) await rm(markFile(folder, number), { force: true });
    return () => giveUp(file);
  }
}

/** Undefined for a mark that was given up, or cut off by a crash. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, started } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined;
  } catch {
    return undefined;
  }
}

function markFile(folder: string, number: number): string {
  return join(folder, `owner.${number}.json`);
}

async function numbersOfMarks(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => {
    const number = /^owner\.(\d{1,15})\.json$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

async function requireUnused(folder: string, newest: number): Promise<void> {
  // A mark that is gone has a higher one by now, which will be met.
  const owner = parseOwner(await readFile(markFile(folder, newest), 'utf8').catch(() => ''));
  if (owner === undefined || !(await stillRuns(owner))) return;
  throw new EmbeddedPostgresError(
    'in_use',
    `${folder} is in use by process ${owner.pid} ` +
      `(${(await commandOf(owner.pid)) ?? 'unknown command'}). Stop that one first.`,
  );
}

/** Creates a file together with its content, so that nobody reads half of it. False: it is there already. */
async function createWhole(file: string, content: string): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, content, { flag: 'wx', mode: 0o600 });
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

async function giveUp(file: string): Promise<void> {
  try {
    await truncate(file);
  } catch (error) {
    // The folder was deleted.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function stillRuns({ pid, started }: Owner): Promise<boolean> {
  return isAlive(pid) && ((await startOf(pid)) ?? '') === started;
}
