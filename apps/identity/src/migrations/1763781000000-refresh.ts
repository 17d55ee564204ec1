import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a session needs to be carried on: by refresh tokens, or by an opaque cookie. */
export class Refresh1763781000000 implements MigrationInterface {
  name = 'Refresh1763781000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE sessions
        ADD COLUMN sealed_secret bytea,
        ADD COLUMN master_key_id text,
        ADD COLUMN generation integer NOT NULL DEFAULT 0,
        ADD COLUMN refreshed_at timestamptz,
        ADD COLUMN idle_expires_at timestamptz,
        ADD COLUMN cookie_hash bytea,
        ADD CHECK ((sealed_secret IS NULL) = (master_key_id IS NULL));
      ALTER TABLE sessions SET (fillfactor = 80);
      CREATE INDEX sessions_not_ended ON sessions (account_id, created_at DESC, sid DESC) WHERE ended_at IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX sessions_not_ended;
      ALTER TABLE sessions
        DROP COLUMN sealed_secret, DROP COLUMN master_key_id, DROP COLUMN generation,
        DROP COLUMN refreshed_at, DROP COLUMN idle_expires_at, DROP COLUMN cookie_hash;
    `);
  }
}
