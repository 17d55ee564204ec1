import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A change of address can be taken back by the earlier one. */
export class RestoreEmail1763782100000 implements MigrationInterface {
  name = 'RestoreEmail1763782100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE email_tokens
        DROP CONSTRAINT email_tokens_purpose_check,
        DROP CONSTRAINT email_tokens_email_check,
        ADD CONSTRAINT email_tokens_purpose_check
          CHECK (purpose IN ('verify_email', 'reset_password', 'change_email', 'restore_email', 'none')),
        ADD CONSTRAINT email_tokens_email_check
          CHECK ((email IS NOT NULL) = (purpose IN ('change_email', 'restore_email')));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM email_tokens WHERE purpose = 'restore_email';
      ALTER TABLE email_tokens
        DROP CONSTRAINT email_tokens_purpose_check,
        DROP CONSTRAINT email_tokens_email_check,
        ADD CONSTRAINT email_tokens_purpose_check
          CHECK (purpose IN ('verify_email', 'reset_password', 'change_email', 'none')),
        ADD CONSTRAINT email_tokens_email_check CHECK ((email IS NOT NULL) = (purpose = 'change_email'));
    `);
  }
}
