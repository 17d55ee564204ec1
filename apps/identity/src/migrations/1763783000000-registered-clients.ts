import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Clients that get tokens of their own: the scopes they may ask for, and whether they may ask at all. */
export class RegisteredClients1763783000000 implements MigrationInterface {
  name = 'RegisteredClients1763783000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE clients
        ADD COLUMN scopes text[] NOT NULL DEFAULT '{}',
        ADD COLUMN disabled_at timestamptz;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE clients DROP COLUMN scopes, DROP COLUMN disabled_at`);
  }
}
