import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { prepareBinaries } from './binaries.js';
import { prepareCluster } from './cluster.js';
import { openDataHome } from './data-home.js';
import { endLeftOverServer } from './left-over-server.js';
import { locateNativeFolder } from './platform-package.js';
import { chooseRunAs } from './run-as.js';
import { bringUpServer } from './bring-up-server.js';
import { serverUrl } from './server-url.js';
import { shutDown } from './shut-down.js';

const ignore = (): void => undefined;

/** A running server of our own. */
export interface EmbeddedPostgres {
  readonly port: number;
  /** Of the server's main process. */
  readonly pid: number;
  /** URL of the database `postgres` as superuser, on 127.0.0.1. Holds the password. */
  readonly adminUrl: string;
  /** URL of a database, as superuser or as the given role. Does not make it: see createDatabase. */
  databaseUrl(name: string, role?: DatabaseRole): string;
  /** Stops the server: cleanly, and after 8 seconds by force. Resolves when it is gone; safe to call again. */
  stop(): Promise<void>;
}

export interface DatabaseRole {
  readonly name: string;
  readonly password: string;
}

export interface EmbeddedPostgresOptions {
  /** A folder for this server alone; made when missing. When we are root, see openDataHome for where data goes. */
  readonly dataDir: string;
  /** On 127.0.0.1; 0 chooses a free one. */
  readonly port: number;
  /** Of the superuser `postgres`. Set when the data is first made, and needed unchanged ever after. */
  readonly password: string;
  /** False trades safety for speed: what was written may be lost in a crash. For tests. Default true. */
  readonly durable?: boolean;
  /** True starts the data as a standby whose primary never comes, readable, until `SELECT pg_promote()`. For tests. Wants what a durable server has written. */
  readonly standby?: boolean;
  /** A folder whose `bin` has the programs of another Postgres, such as `/usr/lib/postgresql/15`, to be used as they are. */
  readonly programs?: string;
  /** Each line the server writes to its log. */
  readonly log?: (line: string) => void;
  /** What takes a while, or what a person may want to know, while starting. */
  readonly onProgress?: (message: string) => void;
  /** Called when the server ends without stop(): its exit code, or null after a signal. */
  readonly onExit?: (code: number | null) => void;
}

/**
 * Starts a real Postgres server from npm-packaged programs and resolves when it answers. Data in `dataDir` survives
 * restarts and crashes of any party; what a crash left behind is cleared away first.
 *
 * Does not keep the server from outliving this process: call stop(). The next start on the same folder ends it
 * otherwise.
 *
 * @throws {EmbeddedPostgresError} with a code and a message that says what to do.
 * @throws {TypeError} for a password that is empty or has a line break or NUL in it.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { port, password, durable = true, log = ignore, onProgress = ignore } = options;
  requirePassword(password);
  const dataDir = resolve(options.dataDir);
  const nativeFolder = options.programs ?? locateNativeFolder();
  const runAs = await chooseRunAs(`${dataDir}/data`);
  const place = await openDataHome(dataDir, runAs, onProgress);
  try {
    const binaries = await prepareBinaries(nativeFolder, runAs, onProgress);
    await endLeftOverServer(place.data, onProgress);
    await prepareCluster(place, binaries, { runAs, password, durable }, onProgress);
    if (options.standby === true) await writeFile(join(place.data, 'standby.signal'), '');
    const program = binaries.postgres;
    const command = { program, data: place.data, durable, runAs, log };
    const server = await bringUpServer(command, port, password);

    let stopping: Promise<void> | undefined;
    void server.process.exited.then(async (code) => {
      if (stopping !== undefined) return;
      await place.release();
      options.onExit?.(code);
    });
    const stop = async (): Promise<void> => {
      await shutDown(server.process.pid, () => server.process.hasExited());
      await place.release();
    };
    return {
      port: server.port,
      pid: server.process.pid,
      adminUrl: serverUrl(server.port, 'postgres', { name: 'postgres', password }),
      databaseUrl: (name, role = { name: 'postgres', password }) =>
        serverUrl(server.port, name, role),
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await place.release();
    throw error;
  }
}

function requirePassword(password: string): void {
  if (!/^[^\r\n\0]+$/.test(password)) {
    throw new TypeError('The password of an embedded Postgres must be one line and not empty.');
  }
}
