import type { MigrationInterface, QueryRunner } from 'typeorm';

export class RevocationRelay1763750000000 implements MigrationInterface {
  name = 'RevocationRelay1763750000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE revocation_relay (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        term bigint NOT NULL,
        generation bigint NOT NULL,
        holder uuid,
        leased_until timestamptz NOT NULL,
        written_epoch integer,
        written_seq bigint,
        written_at timestamptz,
        last_error text,
        CHECK ((written_epoch IS NULL) = (written_seq IS NULL))
      );
      INSERT INTO revocation_relay (term, generation, leased_until) VALUES (0, 0, '-infinity');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE revocation_relay`);
  }
}
