import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds what is personal in old rows of the audit log, and up to when it was erased, without reading all of them. */
export class PersonalAge1763793000000 implements MigrationInterface {
  name = 'PersonalAge1763793000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX audit_personal ON audit (at) WHERE personal IS NOT NULL;
      CREATE INDEX audit_erased_up_to ON audit (((details ->> 'up_to')::numeric))
        WHERE action = 'personal.erase' AND account_id IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX audit_personal, audit_erased_up_to`);
  }
}
