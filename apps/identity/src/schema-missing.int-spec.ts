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
    const open = await admin.query(`SELECT FROM pg_stat_activity WHERE usename = 'newcomer'`);
    expect(open.rowCount).toBe(0);
  } finally {
    await admin.end();
    await postgres.stop();
  }
});
