import { chmod, lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { canReach, type RunAs } from './run-as.js';

/**
 * A folder that only we can write to and that `runAs` can get through to, for binaries and data that must live
 * outside the project. The same one every time.
 *
 * A folder of that name that belongs to somebody else is passed over: whoever made it could plant programs in it.
 * @throws {EmbeddedPostgresError} `data_unreachable` when no place will do.
 */
export async function privateFolder(runAs: RunAs | undefined): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  // Root's places outlive a reboot. Another user needs this for a copy of the binaries only.
  const places = uid === 0 ? ['/var/lib', '/var/tmp', tmpdir()] : [tmpdir()];
  for (const place of places) {
    const folder = join(place, `countersign-postgres-${uid}`);
    if ((await makeOwnFolder(folder, uid)) && (await canReach(runAs, folder))) return folder;
  }
  throw new EmbeddedPostgresError(
    'data_unreachable',
    `Postgres needs a folder of its own in one of ${places.join(', ')}; none of them can be used. ` +
      'Run as a user other than root, or set DATABASE_URL to use a Postgres server of your own.',
  );
}

async function makeOwnFolder(folder: string, uid: number): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o711 }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    const found = await lstat(folder);
    if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== uid)) return false;
    await chmod(folder, 0o711);
    return true;
  } catch {
    return false;
  }
}
