import pg from 'pg';
import type { DatabaseRole, EmbeddedPostgres } from './embedded-postgres.js';

/**
 * Makes sure that the database exists. With `owner`, also that this role exists with this password, is no superuser
 * and owns the database. Does nothing to what is in an existing database.
 */
export async function createDatabase(
  server: Pick<EmbeddedPostgres, 'adminUrl'>,
  name: string,
  owner?: DatabaseRole,
): Promise<void> {
  const client = new pg.Client({ connectionString: server.adminUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    if (owner !== undefined) await ensureRole(client, owner);
    await ensureDatabase(client, name);
    if (owner !== undefined) {
      await client.query(`ALTER DATABASE ${quoted(name)} OWNER TO ${quoted(owner.name)}`);
    }
  } finally {
    await client.end();
  }
}

/**
 * A number that names the server's data for good: another number means that the data was made anew.
 * @see https://www.postgresql.org/docs/current/functions-info.html pg_control_system()
 */
export async function systemIdentifier(
  server: Pick<EmbeddedPostgres, 'adminUrl'>,
): Promise<string> {
  const client = new pg.Client({ connectionString: server.adminUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    );
    return rows[0]?.id ?? '';
  } finally {
    await client.end();
  }
}

async function ensureRole(client: pg.Client, role: DatabaseRole): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role.name]);
  const verb = rowCount === 0 ? 'CREATE' : 'ALTER';
  await client.query(
    `${verb} ROLE ${quoted(role.name)} LOGIN NOSUPERUSER PASSWORD ${pg.escapeLiteral(role.password)}`,
  );
}

async function ensureDatabase(client: pg.Client, name: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (rowCount !== 0) return;
  await client.query(`CREATE DATABASE ${quoted(name)}`).catch((error: unknown) => {
    // 42P04 and 23505: somebody else made it at the same moment.
    const code = (error as { code?: string }).code;
    if (code !== '42P04' && code !== '23505') throw error;
  });
}

const quoted = (identifier: string): string => pg.escapeIdentifier(identifier);
