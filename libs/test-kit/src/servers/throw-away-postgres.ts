import { randomBytes } from 'node:crypto';
import { makeFolder, removeFolder } from './throw-away-folder.js';

/** A real Postgres server for one test file. */
export interface ThrowAwayPostgres {
  /** An empty database, as a role that owns it and may do nothing else. */
  readonly url: string;
  /** The database `postgres` as superuser. */
  readonly adminUrl: string;
  /** Another empty database, owned by the same ordinary role. */
  createDatabase(): Promise<string>;
  /** Stops the server as an operator would; its data stays. For tests of "Postgres is away". */
  halt(): Promise<void>;
  /** After halt(): the same data on the same port. */
  resume(): Promise<void>;
  /** After halt(): the same data on the same port as a standby without a primary, until `SELECT pg_promote()`. For tests of failovers. */
  resumeAsStandby(): Promise<void>;
  /** Stops the server and deletes its data. */
  stop(): Promise<void>;
}

/**
 * Starts a Postgres server of its own on a free port of 127.0.0.1, with data in a temporary folder and without
 * durability. It ends with stop(), or when this process is killed. Takes about a second.
 *
 * @param programs a folder whose `bin` has the programs of another Postgres; that one is durable
 */
export async function startThrowAwayPostgres(programs?: string): Promise<ThrowAwayPostgres> {
  // Here and not above: who wants the issuer alone need not install a database.
  const { createDatabase, removeEmbeddedPostgresData, startEmbeddedPostgres, watchOverChildren } =
    await import('@countersign/embedded-postgres');
  const folder = await makeFolder('postgres');
  const role = { name: 'tester', password: randomBytes(16).toString('hex') };
  const kind = programs === undefined ? { durable: false } : { programs };
  const settings = { dataDir: `${folder}/data`, password: role.password, ...kind };
  const watch = watchOverChildren();
  const start = async (port: number, more: { durable?: boolean; standby?: boolean } = {}) => {
    const started = await startEmbeddedPostgres({ ...settings, ...more, port });
    watch.add(started.pid, 'SIGINT');
    return started;
  };
  const discard = async (): Promise<void> => {
    watch.close();
    await removeEmbeddedPostgresData(settings.dataDir);
    await removeFolder(folder);
  };
  try {
    let server = await start(0);
    let count = 0;
    const createNext = async (): Promise<string> => {
      const name = `test_${(count += 1)}`;
      await createDatabase(server, name, role);
      return server.databaseUrl(name, role);
    };
    const halt = async (): Promise<void> => {
      await server.stop();
      watch.remove(server.pid);
    };
    return {
      url: await createNext(),
      adminUrl: server.adminUrl,
      createDatabase: createNext,
      halt,
      resume: async () => {
        server = await start(server.port);
      },
      resumeAsStandby: async () => {
        // Without durability it has written less than a standby wants.
        server = await start(server.port, { durable: true });
        await halt();
        server = await start(server.port, { durable: true, standby: true });
      },
      stop: async () => {
        await halt();
        await discard();
      },
    };
  } catch (error) {
    await discard();
    throw error;
  }
}
