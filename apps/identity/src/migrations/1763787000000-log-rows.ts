import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rows of the logs are bound by policies for every role but the owner of the tables: revocations go when they have ended and never
 * change; rows of the audit log never go, and change only while they are sealed or what is personal in them is erased.
 */
export class LogRows1763787000000 implements MigrationInterface {
  name = 'LogRows1763787000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE revocations ENABLE ROW LEVEL SECURITY;
      CREATE POLICY read ON revocations FOR SELECT USING (true);
      CREATE POLICY append ON revocations FOR INSERT WITH CHECK (true);
      CREATE POLICY purge ON revocations FOR DELETE USING (expires_at < extract(epoch FROM clock_timestamp()));

      ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
      CREATE POLICY read ON audit FOR SELECT USING (true);
      CREATE POLICY append ON audit FOR INSERT WITH CHECK (true);
      CREATE POLICY seal_or_erase ON audit FOR UPDATE
        USING (position IS NULL OR personal IS NOT NULL) WITH CHECK (true);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP POLICY seal_or_erase ON audit;
      DROP POLICY append ON audit;
      DROP POLICY read ON audit;
      ALTER TABLE audit DISABLE ROW LEVEL SECURITY;
      DROP POLICY purge ON revocations;
      DROP POLICY append ON revocations;
      DROP POLICY read ON revocations;
      ALTER TABLE revocations DISABLE ROW LEVEL SECURITY;
    `);
  }
}
