import { readFileSync } from 'node:fs';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { contractionsOf } from '../test/contracting.js';
import { createIdentityDataSource } from './identity-data-source.js';

/** Migrations up to here are those of the first release: no version ran before them. */
const LAST_OF_FIRST_RELEASE = 1_763_999_999_999;

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string };
const migrations = createIdentityDataSource('postgres://nobody@localhost/none', 1).options
  .migrations as unknown as readonly (new () => MigrationInterface & { name: string })[];

/** The statements of a migration. */
async function sqlOf(migration: MigrationInterface): Promise<string> {
  const statements: string[] = [];
  const query = (sql: string) => Promise.resolve(statements.push(sql) && []);
  await migration.up({ query } as unknown as QueryRunner);
  return statements.join(';\n');
}

const isBefore = (one: string, other: string) =>
  one.localeCompare(other, 'en', { numeric: true }) < 0;

it('the version before can work on the schema after every migration', async () => {
  expect(migrations.length).toBeGreaterThan(10);
  for (const Migration of migrations) {
    const migration = new Migration();
    if (Number(migration.name.slice(-13)) <= LAST_OF_FIRST_RELEASE) continue;
    const refused = contractionsOf(await sqlOf(migration)).filter(
      ({ unusedSince }) => unusedSince === undefined || !isBefore(unusedSince, version),
    );
    // How to go about it: docs/operations/deploy.md, "Migrations".
    expect([migration.name, refused]).toEqual([migration.name, []]);
  }
});

it('every migration can be read for this, also those of the first release', async () => {
  for (const Migration of migrations) expect(await sqlOf(new Migration())).not.toBe('');
});

describe('refuses to', () => {
  it.each([
    'DROP TABLE sessions',
    'ALTER TABLE sessions DROP COLUMN generation',
    'ALTER TABLE sessions RENAME COLUMN generation TO turn',
    'ALTER TABLE sessions RENAME TO sign_ins',
    'ALTER TABLE sessions ALTER COLUMN generation TYPE text',
    'ALTER TABLE sessions ALTER generation SET DATA TYPE text',
    'ALTER TABLE sessions ALTER COLUMN generation SET NOT NULL',
    'ALTER TABLE sessions ALTER COLUMN generation DROP DEFAULT',
    'ALTER TABLE sessions ADD COLUMN place text NOT NULL',
    'ALTER TABLE sessions\n  ADD COLUMN a numeric(3, 2) DEFAULT 1,\n  ADD COLUMN b text NOT NULL',
    'ALTER TABLE sessions ADD CONSTRAINT positive CHECK (generation > 0)',
    'CREATE UNIQUE INDEX one_place ON sessions (place)',
    'CREATE TABLE places (id uuid); ALTER TABLE sessions DROP COLUMN place',
  ])('%s', (sql) => {
    expect(contractionsOf(sql)).toEqual([{ what: expect.any(String), unusedSince: undefined }]);
  });
});

describe('leaves alone', () => {
  it.each([
    'CREATE TABLE places (id uuid NOT NULL); ALTER TABLE places ADD CONSTRAINT one UNIQUE (id); CREATE UNIQUE INDEX two ON places (id)',
    'ALTER TABLE sessions ADD COLUMN place text',
    "ALTER TABLE sessions ADD COLUMN place text NOT NULL DEFAULT ''",
    'ALTER TABLE sessions ADD COLUMN twice int NOT NULL GENERATED ALWAYS AS (generation * 2) STORED',
    'ALTER TABLE sessions ALTER COLUMN generation DROP NOT NULL',
    'ALTER TABLE sessions DROP CONSTRAINT known, ADD CONSTRAINT known CHECK (generation > -1)',
    'CREATE INDEX places_of_sessions ON sessions (place)',
    '-- DROP TABLE sessions would be wrong\nSELECT 1',
  ])('%s', (sql) => {
    expect(contractionsOf(sql)).toEqual([]);
  });
});

it('a contraction names the release that stopped using what goes away', () => {
  const sql =
    'SELECT 1;\n-- contract: unused since 1.2.0\nALTER TABLE sessions DROP COLUMN place;\nDROP TABLE places';
  expect(contractionsOf(sql).map(({ unusedSince }) => unusedSince)).toEqual(['1.2.0', undefined]);
  expect([isBefore('1.2.0', '1.10.0'), isBefore('1.2.0', '1.2.0')]).toEqual([true, false]);
});
