import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Receipts1763730000000 implements MigrationInterface {
  name = 'Receipts1763730000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE revocations
        ADD COLUMN receipt_wanted boolean NOT NULL DEFAULT false,
        ADD COLUMN appended_at timestamptz NOT NULL DEFAULT clock_timestamp();
      CREATE INDEX revocations_receipt_wanted ON revocations (appended_at) WHERE receipt_wanted;
      CREATE INDEX revocations_identifiers ON revocations (kind, id) WHERE cutoff IS NULL;
      CREATE INDEX revocations_expiry ON revocations (expires_at);

      CREATE TABLE check_in_clock (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        ran_ms bigint NOT NULL,
        ticked_at timestamptz NOT NULL
      );
      INSERT INTO check_in_clock (ran_ms, ticked_at) VALUES (0, clock_timestamp());

      ALTER TABLE relying_service_instances
        ADD COLUMN hard_staleness_seconds double precision NOT NULL DEFAULT 60,
        ADD COLUMN seen_at_ms bigint NOT NULL DEFAULT 0,
        ADD COLUMN joined_epoch integer,
        ADD COLUMN joined_seq bigint;

      CREATE TABLE receipts (
        service_id text NOT NULL,
        instance_id uuid NOT NULL,
        epoch integer NOT NULL,
        seq bigint NOT NULL,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (service_id, instance_id, epoch, seq),
        FOREIGN KEY (service_id, instance_id) REFERENCES relying_service_instances ON DELETE CASCADE
      );

      CREATE VIEW live_instances AS
        SELECT i.service_id, i.instance_id, i.kids, i.epoch, i.seq, i.joined_epoch, i.joined_seq, i.joined_at, i.last_seen_at
        FROM relying_service_instances AS i, check_in_clock AS clock
        WHERE i.left_at IS NULL
          AND clock.ran_ms - i.seen_at_ms <= (i.hard_staleness_seconds + 15) * 1000;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP VIEW live_instances;
      DROP TABLE receipts;
      ALTER TABLE relying_service_instances DROP COLUMN hard_staleness_seconds, DROP COLUMN seen_at_ms,
        DROP COLUMN joined_epoch, DROP COLUMN joined_seq;
      DROP TABLE check_in_clock;
      DROP INDEX revocations_expiry, revocations_identifiers, revocations_receipt_wanted;
      ALTER TABLE revocations DROP COLUMN receipt_wanted, DROP COLUMN appended_at;
    `);
  }
}
