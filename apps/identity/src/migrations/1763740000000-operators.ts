import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Operators1763740000000 implements MigrationInterface {
  name = 'Operators1763740000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE operators (
        name text PRIMARY KEY,
        roles text[] NOT NULL,
        token_sha256 bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        disabled_at timestamptz
      );

      CREATE TABLE audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        actor text NOT NULL,
        action text NOT NULL,
        target text,
        details jsonb NOT NULL
      );

      ALTER TABLE relying_services
        ADD COLUMN source text NOT NULL DEFAULT 'file' CHECK (source IN ('file', 'operator'));
      CREATE TABLE relying_service_secrets (
        service_id text NOT NULL REFERENCES relying_services ON DELETE CASCADE,
        secret_sha256 bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (service_id, secret_sha256)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE relying_service_secrets;
      ALTER TABLE relying_services DROP COLUMN source;
      DROP TABLE audit, operators;
    `);
  }
}
