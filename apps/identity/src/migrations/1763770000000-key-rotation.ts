import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What rotation counts on: times on the clock of check-ins, which no step of a clock moves; the highest time that tokens may
 * have been dated with; and one row that says how often the ring has changed.
 */
export class KeyRotation1763770000000 implements MigrationInterface {
  name = 'KeyRotation1763770000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE check_in_clock
        ADD COLUMN steady_from_ms bigint NOT NULL DEFAULT 0,
        ADD COLUMN highest_at timestamptz NOT NULL DEFAULT clock_timestamp();

      CREATE TABLE key_ring (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        version bigint NOT NULL,
        requested_ms bigint,
        requested_forced boolean NOT NULL DEFAULT false
      );
      INSERT INTO key_ring (version) VALUES (0);

      ALTER TABLE signing_keys
        ADD COLUMN prepared_ms bigint,
        ADD COLUMN activated_ms bigint,
        ADD COLUMN retired_ms bigint,
        ADD COLUMN tokens_until timestamptz,
        ADD COLUMN ended_at timestamptz;
      UPDATE signing_keys SET prepared_ms = ran_ms,
        activated_ms = CASE WHEN state = 'active' THEN ran_ms END FROM check_in_clock;
      ALTER TABLE signing_keys
        ALTER COLUMN prepared_ms SET NOT NULL,
        ALTER COLUMN sealed_private_key DROP NOT NULL,
        ALTER COLUMN master_key_id DROP NOT NULL,
        ADD CHECK ((state IN ('prepared', 'active')) = (sealed_private_key IS NOT NULL)),
        ADD CHECK ((sealed_private_key IS NULL) = (master_key_id IS NULL)),
        ADD CHECK (state <> 'active' OR activated_ms IS NOT NULL),
        ADD CHECK (state <> 'retired' OR (retired_ms IS NOT NULL AND tokens_until IS NOT NULL));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM signing_keys WHERE sealed_private_key IS NULL;
      ALTER TABLE signing_keys
        DROP COLUMN prepared_ms, DROP COLUMN activated_ms, DROP COLUMN retired_ms, DROP COLUMN tokens_until,
        DROP COLUMN ended_at, ALTER COLUMN sealed_private_key SET NOT NULL, ALTER COLUMN master_key_id SET NOT NULL;
      DROP TABLE key_ring;
      ALTER TABLE check_in_clock DROP COLUMN steady_from_ms, DROP COLUMN highest_at;
    `);
  }
}
