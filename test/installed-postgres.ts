import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const DEBIAN = '/usr/lib/postgresql';
const NEEDED = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'createdb', 'dropdb'];

/**
 * The folder of a Postgres of this machine, with `bin` in it: the server together with its `pg_dump`, which takes dumps of no
 * later server. The npm packages hold no `pg_dump`.
 *
 * @throws {Error} that says what to install
 */
export function installedPostgres(): string {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => {
    const program = join(folder, 'pg_dump');
    return existsSync(program) ? [dirname(dirname(realpathSync(program)))] : [];
  });
  const found = [...debianVersions(), ...onPath].find((folder) =>
    NEEDED.every((program) => existsSync(join(folder, 'bin', program))),
  );
  if (found !== undefined) return found;
  throw new Error(
    'This test needs Postgres with pg_dump: run "npm run test:setup", or install it (Debian: apt-get install postgresql).',
  );
}

/** The newest first. */
function debianVersions(): string[] {
  if (!existsSync(DEBIAN)) return [];
  return readdirSync(DEBIAN)
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => join(DEBIAN, version));
}
