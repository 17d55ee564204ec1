import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import pg from 'pg';
import { Stack } from './stack.js';

jest.setTimeout(240_000);

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/operations/upgrade.md'), 'utf8');
const [migrate, doctor, ...more] = [...page.matchAll(/^ *```sh\n *(.*)\n *```$/gm)].map(
  ([, line = '']) => line,
);

let stack: Stack;
let owner: pg.Client;
beforeAll(async () => {
  stack = await Stack.start([]);
  owner = new pg.Client(stack.postgres.url);
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await stack.stop();
});

/** Runs a command of the page, but for the name of the role of this test. */
const enter = (line = '') =>
  stack.cli(line.replace(' countersign', ' identity_service').split(' ').slice(1), {
    ...stack.env('identity'),
    MIGRATION_DATABASE_URL: stack.postgres.url,
  });
const versions = async () =>
  (await owner.query<{ name: string }>('SELECT name FROM schema_migrations ORDER BY name')).rows;

it('a replica that is newer than the schema does not start, and says what to do first', async () => {
  // As a release before the last migration has left it.
  const { rows } = await owner.query(
    `DELETE FROM schema_migrations WHERE name = 'PersonalAge1763793000000' RETURNING name`,
  );
  expect(rows).toHaveLength(1);
  await owner.query('DROP INDEX audit_personal, audit_erased_up_to');
  const { code } = await stack.launch('identity').end();
  expect(code).toBe(1);
  expect(page).toContain('the database schema is not up to date');
  expect(stack.running('identity').output()).toContain('the database schema is not up to date');

  expect((await enter(migrate)).out).toMatch(/^applied 1 migration/);
  expect((await enter(migrate)).out).toMatch(/^the schema is up to date;/);
});

it('rolled back: a replica starts on the schema of a later release, and its migration takes nothing back', async () => {
  await owner.query(`
    CREATE TABLE of_a_later_release (id uuid);
    ALTER TABLE sessions ADD COLUMN of_a_later_release text NOT NULL DEFAULT '';
    INSERT INTO schema_migrations (timestamp, name) VALUES (4000000000000, 'Later4000000000000')`);
  const before = await versions();
  await stack.startApp('identity');
  expect((await enter(migrate)).out).toMatch(/^the schema is up to date;/);
  expect(await versions()).toEqual(before);
  await stack.signIn(await stack.addAccount('una@example.test'));
});

it('the doctor has a look, and these were all commands of the page', async () => {
  const operator = await stack.addOperator('alice', ['read']);
  const { code, out } = await stack.cli((doctor ?? '').split(' ').slice(1), {
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: operator,
  });
  expect([code, out]).toEqual([0, expect.stringMatching(/^VERDICT/)]);
  expect(more).toEqual([]);
});
