import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ClientSecrets1763730200000 implements MigrationInterface {
  name = 'ClientSecrets1763730200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE client_secrets (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
        secret_sha256 bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX client_secrets_of_client ON client_secrets (client_id, id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE client_secrets`);
  }
}
