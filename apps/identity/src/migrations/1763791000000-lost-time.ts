import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Up to when the database knew what happened, when an epoch was closed because it was restored. */
export class LostTime1763791000000 implements MigrationInterface {
  name = 'LostTime1763791000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE revocation_epochs ADD COLUMN lost_from timestamptz`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE revocation_epochs DROP COLUMN lost_from`);
  }
}
