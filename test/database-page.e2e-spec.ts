import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startThrowAwayPostgres } from '@countersign/test-kit';
import type { ThrowAwayPostgres } from '@countersign/test-kit';
import { jest } from '@jest/globals';
import pg from 'pg';
import { enterLine, pathWithCountersign, readPage } from './page-commands.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

const page = readPage('docs/operations/database.md');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block.trim().split('\n'),
  );
const [setUp = [], handOver = []] = blocks('sql');
const [[migrate = ''] = []] = blocks('sh');

let postgres: ThrowAwayPostgres;
let folder: string;
let path: string;
const clients: pg.Client[] = [];

beforeAll(async () => {
  postgres = await startThrowAwayPostgres();
  folder = mkdtempSync(join(tmpdir(), 'countersign-bin-'));
  path = pathWithCountersign(folder);
  for (const statement of setUp) await run(postgres.adminUrl, statement);
  expect(await enter(migrate)).toMatchObject({ code: 0, err: '' });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
});
afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true });
});

/** The URL of a role of the page. */
function urlOf(role: 'owner' | 'service', database = 'countersign'): string {
  const url = new URL(postgres.adminUrl);
  url.username = role === 'owner' ? 'countersign_owner' : 'countersign';
  url.password = `${role}-password`;
  url.pathname = database;
  return url.toString();
}

/** Runs a line of the page, with the server where it is. */
function enter(line: string, env: Record<string, string> = {}): Promise<CliResult> {
  const { hostname, port } = new URL(postgres.adminUrl);
  const text = line.replace('@localhost/', `@${hostname}:${port}/`);
  const surroundings = { PATH: path, ...env };
  return enterLine(text, { env: surroundings });
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  clients.push(client);
  return client;
}
async function run(url: string, statement: string): Promise<pg.QueryResult> {
  return (await connect(url)).query(statement);
}

it('the role of the service may do something with every table and view, and owns nothing', async () => {
  const { rows } = await run(
    urlOf('owner'),
    `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
     AND (NOT has_any_column_privilege('countersign', oid, 'SELECT') OR relowner = 'countersign'::regrole)`,
  );
  expect(rows).toEqual([]);
});

it.each([
  'CREATE TABLE mine ()',
  'CREATE TEMP TABLE mine ()',
  'CREATE SCHEMA mine',
  'DROP TABLE audit',
  'ALTER TABLE audit DISABLE ROW LEVEL SECURITY',
  'DROP POLICY purge ON revocations',
  'CREATE INDEX ON sessions (ip)',
  'TRUNCATE revocations',
  'DELETE FROM audit',
  "UPDATE audit SET actor = 'nobody'",
  'UPDATE audit SET at = now()',
  "UPDATE revocations SET id = 'another'",
  'UPDATE revocations SET expires_at = 0',
  'DELETE FROM revocation_head',
  'DELETE FROM revocation_epochs',
  'UPDATE revocation_epochs SET last_seq = 0',
  'UPDATE receipts SET received_at = now()',
  'DELETE FROM signing_keys',
  'DELETE FROM schema_migrations',
  'SET ROLE countersign_owner',
])('the service cannot: %s', async (statement) => {
  await expect(run(urlOf('service'), statement)).rejects.toMatchObject({ code: '42501' });
});

it('the service deletes revocations that have ended, and no others', async () => {
  await run(
    urlOf('owner'),
    `INSERT INTO revocations (epoch, seq, kind, id, expires_at, at) VALUES
       (1, 1001, 'sid', 'live', extract(epoch FROM now()) + 60, 0),
       (1, 1002, 'sid', 'ended', extract(epoch FROM now()) - 60, 0),
       (1, 1003, 'kid', 'for ever', NULL, 0)`,
  );
  await run(urlOf('service'), 'DELETE FROM revocations');
  const { rows } = await run(urlOf('owner'), 'SELECT id FROM revocations ORDER BY seq');
  expect(rows).toEqual([{ id: 'live' }, { id: 'for ever' }]);
});

it('the service changes rows of the audit log to seal them, and to erase what is personal, and leaves the others', async () => {
  await run(
    urlOf('owner'),
    `INSERT INTO audit (actor, action, details, position, personal) VALUES
       ('a', 'sealed', '{}', 1, NULL), ('a', 'sealed and personal', '{}', 2, '{}'), ('a', 'not sealed', '{}', NULL, NULL)`,
  );
  const { rows } = await run(
    urlOf('service'),
    `UPDATE audit SET personal = NULL, position = coalesce(position, 3) RETURNING action`,
  );
  expect(rows.map(({ action }: { action: string }) => action)).toEqual([
    'sealed and personal',
    'not sealed',
  ]);
});

it('rights that were given by hand are taken back, and the migration says so when there is nothing to do', async () => {
  await run(urlOf('owner'), 'GRANT ALL ON audit TO countersign');
  expect((await enter(migrate)).out).toBe(
    'the schema is up to date; countersign may do what the service needs, and nothing else\n',
  );
  await expect(run(urlOf('service'), 'DELETE FROM audit')).rejects.toMatchObject({ code: '42501' });
});

it('who cannot migrate is told which setting to use', async () => {
  await run(postgres.adminUrl, 'CREATE DATABASE empty OWNER countersign_owner');
  const result = await enter('countersign migrate', { DATABASE_URL: urlOf('service', 'empty') });
  expect(result.code).toBe(2);
  expect(result.err).toMatch(/may not change the schema[^]*MIGRATION_DATABASE_URL/);

  // The owner migrates, and forgets the role.
  const forgetful = migrate.replace('/countersign ', '/empty ').replace(/ --grant-to.*/, '');
  expect((await enter(forgetful)).code).toBe(0);
  const command = 'countersign operators add alice --role read';
  const start = await enter(command, { DATABASE_URL: urlOf('service', 'empty') });
  expect(start.code).toBe(2);
  expect(start.err).toMatch(/countersign migrate --grant-to countersign/);
});

it.each([
  ['countersign_owner', 'owns the tables'],
  ['postgres', 'superuser'],
  ['nobody_at_all', 'there is no role'],
])('no rights are given to %s', async (role, reason) => {
  const result = await enter(migrate.replace(/--grant-to .*/, `--grant-to ${role}`));
  expect(result.code).toBe(3);
  expect(result.err).toContain(reason);
});

it('an installation with one role gets two', async () => {
  const superuser = new URL(postgres.url);
  superuser.username = new URL(postgres.adminUrl).username;
  superuser.password = new URL(postgres.adminUrl).password;
  expect((await enter('countersign migrate', { DATABASE_URL: postgres.url })).code).toBe(0);
  const [statement = ''] = handOver;
  const former = new URL(postgres.url).username;
  await run(superuser.toString(), statement.replace('former_role', former));
  const database = superuser.pathname.slice(1);
  expect((await enter(migrate.replace('/countersign ', `/${database} `))).code).toBe(0);
  const { rows } = await run(urlOf('service', database), 'SELECT epoch FROM revocation_head');
  expect(rows).toEqual([{ epoch: 1 }]);
});
