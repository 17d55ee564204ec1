import { setTimeout as delay } from 'node:timers/promises';
import { startThrowAwayPostgres } from '@countersign/test-kit';
import pg from 'pg';
import { startServing } from '../test/serving-identity.js';

it('before the migration the role of the service is told so, and keeps no connection', async () => {
  const postgres = await startThrowAwayPostgres();
  const admin = new pg.Client(postgres.adminUrl);
  await admin.connect();
  try {
    await admin.query(`CREATE ROLE newcomer LOGIN PASSWORD 'newcomer'`);
    const url = new URL(postgres.url);
    Object.assign(url, { username: 'newcomer', password: 'newcomer' });
    await expect(startServing(url.href)).rejects.toMatchObject({
      faults: ['the database schema is not up to date: run "countersign migrate" first'],
    });
    // The server ends its side of a closed connection a moment after we end ours; left open, it would stay.
    const open = () => admin.query(`SELECT FROM pg_stat_activity WHERE usename = 'newcomer'`);
    while ((await open()).rowCount !== 0) await delay(20);
  } finally {
    await admin.end();
    await postgres.stop();
  }
});
