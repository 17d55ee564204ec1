import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which master keys seal something here, how to tell that somebody has the right ones, and which process has which. */
export class MasterKeys1763785000000 implements MigrationInterface {
  name = 'MasterKeys1763785000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE master_keys (
        id text PRIMARY KEY,
        check_box bytea,
        sealing_since timestamptz
      );
      INSERT INTO master_keys (id, sealing_since)
      SELECT master_key_id, now() FROM signing_keys WHERE master_key_id IS NOT NULL
      UNION SELECT master_key_id, now() FROM revocation_head WHERE master_key_id IS NOT NULL
      UNION SELECT master_key_id, now() FROM audit_chain WHERE master_key_id IS NOT NULL
      UNION SELECT master_key_id, now() FROM sessions WHERE master_key_id IS NOT NULL
      UNION SELECT master_key_id, now() FROM mail_outbox;

      CREATE TABLE master_key_holders (
        instance_id uuid PRIMARY KEY,
        name text NOT NULL,
        seals_with text NOT NULL,
        opens text[] NOT NULL,
        seen_at timestamptz NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE master_key_holders, master_keys`);
  }
}
