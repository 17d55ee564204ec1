import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder in the system's temporary one. Others can pass through it: as root, Postgres runs as another user. */
export async function makeFolder(purpose: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `countersign-test-${purpose}-`));
  await chmod(folder, 0o711);
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
