import pg from 'pg';
import { until } from '../stack.js';
import type { Stack } from '../stack.js';

/** Waits until a service has reported the newest heartbeat, and so holds the proof of what was. */
export async function untilProofIsHeld(stack: Stack, service: string): Promise<void> {
  const database = new pg.Client({ connectionString: stack.postgres.url });
  await database.connect();
  const sql = `SELECT FROM relying_service_instances AS known, revocation_head AS head
    WHERE service_id = $1 AND left_at IS NULL AND proof LIKE head.epoch || '.' || head.seq || '.%'`;
  try {
    await until(async () => (await database.query(sql, [service])).rows.length > 0, 60_000);
  } finally {
    await database.end();
  }
}

/** Copies the database of an installation, as a dump of this moment would. @returns puts the copy in its place */
export async function backUp(stack: Stack): Promise<() => Promise<void>> {
  const name = new URL(stack.postgres.url).pathname.slice(1);
  const copy = `${name}_copy`;
  await alone(stack, name, [`CREATE DATABASE ${copy} TEMPLATE ${name}`]);
  return async () => {
    await alone(stack, name, [
      `DROP DATABASE ${name}`,
      `ALTER DATABASE ${copy} OWNER TO ${new URL(stack.postgres.url).username}`,
      `ALTER DATABASE ${copy} RENAME TO ${name}`,
    ]);
  };
}

/** Runs statements as superuser while nobody is connected to `name`; who was, comes back by itself. */
async function alone(stack: Stack, name: string, statements: readonly string[]): Promise<void> {
  const admin = new pg.Client(stack.postgres.adminUrl);
  await admin.connect();
  try {
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await admin.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1`,
      [name],
    );
    for (const statement of statements) await admin.query(statement);
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  } finally {
    await admin.end();
  }
}
