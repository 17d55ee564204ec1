import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Counts how often somebody has set an account's password: what was proved or given before the last time can be told from it. */
export class PasswordVersion1763788000000 implements MigrationInterface {
  name = 'PasswordVersion1763788000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE accounts ADD COLUMN password_version integer NOT NULL DEFAULT 0`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE accounts DROP COLUMN password_version`);
  }
}
