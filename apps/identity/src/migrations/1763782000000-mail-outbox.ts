import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Messages wait in the database until they are sent; there are more kinds of tokens in them. */
export class MailOutbox1763782000000 implements MigrationInterface {
  name = 'MailOutbox1763782000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE mail_outbox (
        id uuid PRIMARY KEY,
        master_key_id text NOT NULL,
        sealed_message bytea NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        give_up_at timestamptz NOT NULL
      );
      CREATE INDEX mail_outbox_due ON mail_outbox (due_at);
      CREATE INDEX mail_outbox_give_up ON mail_outbox (give_up_at);

      -- The address that a token proves, where that is not the account's; no account where an address has none.
      ALTER TABLE email_tokens
        ADD COLUMN email text,
        ALTER COLUMN account_id DROP NOT NULL,
        DROP CONSTRAINT email_tokens_purpose_check,
        ADD CONSTRAINT email_tokens_purpose_check
          CHECK (purpose IN ('verify_email', 'reset_password', 'change_email', 'none')),
        ADD CONSTRAINT email_tokens_account_check CHECK (account_id IS NOT NULL OR purpose = 'none'),
        ADD CONSTRAINT email_tokens_email_check CHECK ((email IS NOT NULL) = (purpose = 'change_email'));
      CREATE INDEX email_tokens_expiring ON email_tokens (expires_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM email_tokens WHERE account_id IS NULL OR purpose NOT IN ('verify_email', 'none');
      DROP INDEX email_tokens_expiring;
      ALTER TABLE email_tokens
        DROP CONSTRAINT email_tokens_purpose_check,
        DROP CONSTRAINT email_tokens_account_check,
        DROP COLUMN email,
        ALTER COLUMN account_id SET NOT NULL,
        ADD CONSTRAINT email_tokens_purpose_check CHECK (purpose IN ('verify_email', 'none'));
      DROP TABLE mail_outbox;
    `);
  }
}
