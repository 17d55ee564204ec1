import type { MigrationInterface, QueryRunner } from 'typeorm';

/** For the purge of accounts that nobody has verified. */
export class UnverifiedAccounts1763782200000 implements MigrationInterface {
  name = 'UnverifiedAccounts1763782200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX accounts_unverified ON accounts (created_at) WHERE email_verified_at IS NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX accounts_unverified`);
  }
}
