import { readFileSync } from 'node:fs';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { contractionsOf } from '../test/contracting.js';
import { createIdentityDataSource } from './identity-data-source.js';

/** The migrations of the first release, before which no version ran: so many, and the last of them. */
const OF_FIRST_RELEASE = { count: 20, last: 'LostTime1763791000000' };

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
  const all = migrations
    .map((Migration) => new Migration())
    .sort((one, other) => Number(one.name.slice(-13)) - Number(other.name.slice(-13)));
  const exempt = all.findIndex(({ name }) => name === OF_FIRST_RELEASE.last) + 1;
  expect(exempt).toBe(OF_FIRST_RELEASE.count);
  for (const migration of all.slice(exempt)) {
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
    'ALTER TABLE sessions DROP place',
    'ALTER TABLE sessions DROP IF EXISTS place',
    'ALTER TABLE IF EXISTS ONLY public."sessions" DROP "place"',
    'ALTER TABLE sessions ADD place text NOT NULL',
    'ALTER TABLE sessions ALTER COLUMN generation DROP IDENTITY',
    'ALTER TABLE sessions ALTER generation SET GENERATED ALWAYS',
    'ALTER TABLE sessions ADD CHECK (generation > 0)',
    'ALTER TABLE sessions ADD UNIQUE (place)',
    'ALTER TABLE sessions ADD PRIMARY KEY (place)',
    'ALTER TABLE sessions ADD FOREIGN KEY (place) REFERENCES places (id)',
    'ALTER TABLE sessions ADD EXCLUDE USING gist (place WITH =)',
    'ALTER TABLE sessions ADD COLUMN place text UNIQUE',
    'ALTER TABLE sessions ADD COLUMN place text CHECK (length(place) > 0)',
    'ALTER TABLE sessions ADD place uuid REFERENCES places (id)',
    'ALTER TABLE sessions DROP CONSTRAINT known',
    'ALTER TABLE sessions SET SCHEMA elsewhere',
    'ALTER TABLE sessions OWNER TO somebody',
    'ALTER TABLE sessions ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE sessions ENABLE ALWAYS TRIGGER careful',
    'ALTER TABLE sessions DETACH PARTITION sessions_of_2025',
    'ALTER TYPE reason RENAME VALUE $$a$$ TO $$b$$',
    'ALTER DOMAIN email ADD CHECK (VALUE <> $$$$)',
    'DROP INDEX one_place',
    'DROP SCHEMA elsewhere',
    'DROP TRIGGER careful ON sessions',
    'TRUNCATE sessions',
    'REVOKE UPDATE ON sessions FROM countersign',
    'CREATE TRIGGER careful BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()',
    'CREATE CONSTRAINT TRIGGER careful AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()',
    'CREATE RULE nothing AS ON DELETE TO sessions DO INSTEAD NOTHING',
    'CREATE POLICY own ON sessions USING (place IS NULL)',
    'CREATE UNIQUE INDEX ON sessions (place)',
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_place ON public.sessions (place)',
    "SELECT 'a;b'; DROP TABLE sessions",
    'DO $$ BEGIN IF true THEN ALTER TABLE sessions DROP COLUMN place; END IF; END $$',
    "DO $do$ BEGIN EXECUTE 'DROP TABLE sessions'; END $do$",
    "DO 'BEGIN DROP TABLE sessions; END'",
    'CREATE TABLE IF NOT EXISTS sessions (id uuid); ALTER TABLE sessions DROP COLUMN place',
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
    'CREATE TABLE places (id uuid); CREATE TRIGGER t BEFORE INSERT ON places FOR EACH ROW EXECUTE FUNCTION f(); CREATE POLICY p ON places; REVOKE ALL ON places FROM PUBLIC; ALTER TABLE public.places ENABLE ROW LEVEL SECURITY',
    '-- DROP TABLE sessions would be wrong\nSELECT 1',
    "SELECT 'DROP TABLE sessions; TRUNCATE sessions', 'it''s; DROP TABLE sessions', E'\\'; DROP TABLE sessions'",
    'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN DELETE FROM places; DROP TABLE places; RETURN NEW; END $f$',
    'DO $$ BEGIN CREATE TABLE places (id uuid); INSERT INTO places DEFAULT VALUES; END $$',
    'ALTER TYPE reason ADD VALUE $$c$$',
    'ALTER TABLE sessions ADD COLUMN "unique; check" text, ALTER COLUMN generation SET DEFAULT 1',
  ])('%s', (sql) => {
    expect(contractionsOf(sql)).toEqual([]);
  });
});

it('a contraction names the release that stopped using what goes away', () => {
  const sql =
    'SELECT 1;\n-- contract: unused since 1.2.0\nALTER TABLE sessions DROP COLUMN place;\nDROP TABLE places';
  expect(contractionsOf(sql).map(({ unusedSince }) => unusedSince)).toEqual(['1.2.0', undefined]);
  const block = '-- contract: unused since 1.3.0\nDO $$ BEGIN DROP TABLE a; DROP TABLE b; END $$';
  expect(contractionsOf(block).map(({ unusedSince }) => unusedSince)).toEqual(['1.3.0', '1.3.0']);
  expect([isBefore('1.2.0', '1.10.0'), isBefore('1.2.0', '1.2.0')]).toEqual([true, false]);
});
