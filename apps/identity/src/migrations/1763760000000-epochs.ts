import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Epochs1763760000000 implements MigrationInterface {
  name = 'Epochs1763760000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE revocation_head
        ADD COLUMN system_identifier text,
        ADD COLUMN timeline bigint,
        ADD COLUMN ended_below integer NOT NULL DEFAULT 1;

      CREATE TABLE revocation_epochs (
        epoch integer PRIMARY KEY,
        last_seq bigint NOT NULL,
        closed_at timestamptz NOT NULL,
        reason text NOT NULL
          CHECK (reason IN ('new_system', 'new_timeline', 'operator', 'report_ahead')),
        sessions_kept boolean NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE revocation_epochs;
      ALTER TABLE revocation_head
        DROP COLUMN system_identifier, DROP COLUMN timeline, DROP COLUMN ended_below;
    `);
  }
}
