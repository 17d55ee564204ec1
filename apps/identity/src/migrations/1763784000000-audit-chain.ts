import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rows of the audit log get a place in a chain of keyed digests. `personal_digest` is what the chain holds of `personal`; who
 * erases that erases the salt with it. `noted_at` is when the head was last put into the operator's own log.
 */
export class AuditChain1763784000000 implements MigrationInterface {
  name = 'AuditChain1763784000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit
        ADD COLUMN position bigint,
        ADD COLUMN digest bytea,
        ADD COLUMN personal_salt bytea,
        ADD COLUMN personal_digest bytea;
      CREATE UNIQUE INDEX audit_position ON audit (position);
      CREATE INDEX audit_unsealed ON audit (id) WHERE position IS NULL;
      CREATE INDEX audit_at ON audit USING brin (at);

      CREATE TABLE audit_chain (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        position bigint NOT NULL,
        digest bytea NOT NULL,
        noted_at timestamptz NOT NULL,
        sealed_key bytea,
        master_key_id text,
        CHECK ((sealed_key IS NULL) = (master_key_id IS NULL))
      );
      INSERT INTO audit_chain (position, digest, noted_at)
      VALUES (0, decode(repeat('00', 32), 'hex'), '-infinity');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE audit_chain;
      DROP INDEX audit_unsealed, audit_position, audit_at;
      ALTER TABLE audit DROP COLUMN position, DROP COLUMN digest, DROP COLUMN personal_salt,
        DROP COLUMN personal_digest;
    `);
  }
}
