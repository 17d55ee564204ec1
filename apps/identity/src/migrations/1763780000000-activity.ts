import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people did and what was done to their accounts stands in the audit log too. */
export class Activity1763780000000 implements MigrationInterface {
  name = 'Activity1763780000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit ADD COLUMN account_id uuid, ADD COLUMN personal jsonb;
      CREATE INDEX audit_of_account ON audit (account_id, id DESC) WHERE account_id IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX audit_of_account;
      ALTER TABLE audit DROP COLUMN account_id, DROP COLUMN personal;
    `);
  }
}
