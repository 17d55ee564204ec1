import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Since when refreshes are turned away, and until when somebody may still come back who was. One row. */
export class RefreshRush1763792000000 implements MigrationInterface {
  name = 'RefreshRush1763792000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE refresh_rush (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        since timestamptz NOT NULL,
        until timestamptz NOT NULL
      );
      INSERT INTO refresh_rush (since, until) VALUES ('-infinity', '-infinity');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE refresh_rush`);
  }
}
