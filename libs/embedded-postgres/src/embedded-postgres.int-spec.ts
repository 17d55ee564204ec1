import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createDatabase, systemIdentifier } from './create-database.js';
import { removeEmbeddedPostgresData } from './data-home.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { findFreePort } from './ports.js';
import { isAlive } from './process-table.js';

let folder: string;
let dataDir: string;
const running: EmbeddedPostgres[] = [];
const helpers: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-embedded-'));
  dataDir = join(folder, 'postgres');
});

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
  for (const helper of helpers.splice(0)) helper.kill('SIGKILL');
  await removeEmbeddedPostgresData(dataDir);
  await rm(folder, { recursive: true, force: true });
});

async function start(
  options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {},
): Promise<EmbeddedPostgres> {
  const defaults = { dataDir, port: 0, password: 'p/w with: odd @ signs', durable: false };
  const server = await startEmbeddedPostgres({ ...defaults, ...options });
  running.push(server);
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A process that has nothing to do with us. */
function stranger(): number {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  helpers.push(child);
  return child.pid!;
}

async function deadProcess(): Promise<number> {
  const child = spawn('true', { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid!;
}

/** The state a starter leaves that was killed: its server runs on, its mark names a process that is gone. */
async function pretendThatTheStarterDied(): Promise<string> {
  const outside = await readFile(join(dataDir, 'location'), 'utf8').catch(() => undefined);
  const mark = JSON.stringify({ pid: await deadProcess(), started: '1' });
  for (const home of [dataDir, outside]) {
    if (home === undefined) continue;
    const newest = (await readdir(home)).find((name) => /^owner\.\d+\.json$/.test(name));
    await writeFile(join(home, newest!), mark);
  }
  return join(outside ?? dataDir, 'data');
}

describe('an embedded Postgres', () => {
  it('keeps its data over a restart, in UTF8', async () => {
    const first = await start({ durable: true });
    await createDatabase(first, 'some "name"');
    await query(first.databaseUrl('some "name"'), "CREATE TABLE kept AS SELECT 'ü' AS value");
    const identifier = await systemIdentifier(first);
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);

    const second = await start({ durable: true });
    expect(await query(second.databaseUrl('some "name"'), 'SELECT value FROM kept')).toEqual([
      { value: 'ü' },
    ]);
    expect(await query(second.adminUrl, 'SHOW server_encoding')).toEqual([
      { server_encoding: 'UTF8' },
    ]);
    expect(await systemIdentifier(second)).toBe(identifier);
  });

  it('gives a database to a role that can do anything in it and nothing outside', async () => {
    const server = await start();
    const role = { name: 'countersign', password: 'first' };
    await createDatabase(server, 'countersign', role);
    const changed = { ...role, password: 'second' };
    await createDatabase(server, 'countersign', changed);

    const url = server.databaseUrl('countersign', changed);
    await query(url, 'CREATE TABLE mine (id int)');
    await expect(query(url, 'CREATE DATABASE other')).rejects.toThrow(/permission denied/);
    await expect(query(server.databaseUrl('countersign', role), 'SELECT 1')).rejects.toThrow(
      /password authentication failed/,
    );
  });

  it('is for one process at a time', async () => {
    await start();
    await expect(start()).rejects.toThrow(`in use by process ${process.pid}`);
  });

  it('tells when it ends by itself, and can be started again', async () => {
    const ended = new Promise((resolve) => {
      void start({ onExit: resolve }).then(({ pid }) => process.kill(pid, 'SIGINT'));
    });
    expect(await ended).toBe(0);
    await start();
  });

  it('refuses the wrong password at once, and leaves nothing running', async () => {
    const first = await start();
    await first.stop();
    const port = await findFreePort();
    await expect(start({ port, password: 'another' })).rejects.toThrow(/another password/);
    await start({ port });
  });

  it('names who has its port', async () => {
    const port = await findFreePort();
    const holder = createServer().listen(port, '127.0.0.1');
    try {
      await expect(start({ port })).rejects.toThrow(
        new RegExp(`Port ${port}.* taken by process ${process.pid} \\(.*--port-base`),
      );
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
    await start({ port });
  });
});

describe('after a crash', () => {
  it('a server whose starter died is stopped and started again, with its data', async () => {
    const first = await start();
    await createDatabase(first, 'kept');
    await pretendThatTheStarterDied();

    const messages: string[] = [];
    const second = await start({ port: first.port, onProgress: (line) => messages.push(line) });
    expect(messages.join()).toContain(`process ${first.pid}), left over`);
    expect(isAlive(first.pid)).toBe(false);
    expect(await query(second.databaseUrl('kept'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('a lock file of a process that is gone does not matter', async () => {
    const ended = new Promise((resolve) => {
      void start({ durable: true, onExit: resolve }).then(({ pid }) =>
        process.kill(pid, 'SIGKILL'),
      );
    });
    expect(await ended).toBeNull();
    await start({ durable: true });
  });

  it.each(['another program', 'nobody', 'garbage'])(
    'a lock file whose process id belongs to %s does not matter',
    async (whose) => {
      const first = await start();
      await first.stop();
      const data = await pretendThatTheStarterDied();
      const pid = whose === 'another program' ? stranger() : await deadProcess();
      const text = whose === 'garbage' ? '' : `${pid}\n${data}\n1\n${first.port}\n`;
      await writeFile(join(data, 'postmaster.pid'), text);
      await start();
    },
  );

  it('a half-made data directory is made again', async () => {
    const first = await start();
    await first.stop();
    const data = await pretendThatTheStarterDied();
    await rm(join(data, 'global'), { recursive: true });
    await mkdir(`${data}.new`);
    await start();
  });

  it('data of another major version is not touched', async () => {
    const first = await start();
    await first.stop();
    const data = await pretendThatTheStarterDied();
    await writeFile(join(data, 'PG_VERSION'), '14\n');
    await expect(start()).rejects.toThrow(/is of Postgres 14, these programs are Postgres 18/);
    expect(await readFile(join(data, 'PG_VERSION'), 'utf8')).toBe('14\n');
  });
});

describe('with a state folder that nobody else may enter', () => {
  const asRoot = process.getuid?.() === 0;
  const remembered = () => readFile(join(dataDir, 'location'), 'utf8').catch(() => undefined);

  it('its data is kept: for root in a place it remembers, for others right there', async () => {
    await chmod(folder, 0o700);
    const messages: string[] = [];
    const first = await start({ onProgress: (line) => messages.push(line) });
    const location = await remembered();
    expect(location !== undefined).toBe(asRoot);
    expect(messages.join()).toContain(location ?? '');
    expect(await readdir(location ?? dataDir)).toContain('data');
    await createDatabase(first, 'kept');
    await first.stop();

    const second = await start();
    expect(await query(second.databaseUrl('kept'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.stop();

    await rm(dataDir, { recursive: true });
    const third = await start({ password: 'new' });
    expect(await remembered()).toBe(location);
    await expect(query(third.databaseUrl('kept'), 'SELECT 1')).rejects.toThrow(/does not exist/);
  });
});
