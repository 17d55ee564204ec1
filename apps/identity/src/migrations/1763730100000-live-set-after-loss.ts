import type { MigrationInterface, QueryRunner } from 'typeorm';

export class LiveSetAfterLoss1763730100000 implements MigrationInterface {
  name = 'LiveSetAfterLoss1763730100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE check_in_clock
        ADD COLUMN epoch integer,
        ADD COLUMN complete_from_ms bigint NOT NULL DEFAULT 0;
      UPDATE check_in_clock SET epoch = revocation_head.epoch FROM revocation_head;
      ALTER TABLE check_in_clock ALTER COLUMN epoch SET NOT NULL;

      CREATE VIEW live_set_is_complete AS
        SELECT clock.epoch = head.epoch AND clock.ran_ms >= clock.complete_from_ms AS complete
        FROM check_in_clock AS clock, revocation_head AS head;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP VIEW live_set_is_complete;
      ALTER TABLE check_in_clock DROP COLUMN epoch, DROP COLUMN complete_from_ms;
    `);
  }
}
