import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds sessions that are over without reading all of them. Neither index is touched when a session is refreshed. */
export class PurgedSessions1763784100000 implements MigrationInterface {
  name = 'PurgedSessions1763784100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
      CREATE INDEX sessions_expiring ON sessions (expires_at) WHERE ended_at IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX sessions_ended, sessions_expiring`);
  }
}
