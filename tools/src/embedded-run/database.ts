import {
  createDatabase,
  type EmbeddedPostgres,
  startEmbeddedPostgres,
  systemIdentifier,
} from '@countersign/embedded-postgres';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { StateFolder } from './state-folder.js';
import type { Terminal } from './terminal.js';

/** Our own Postgres with the database of identity. */
export interface OwnDatabase {
  readonly server: EmbeddedPostgres;
  /** As the role that owns the database and can do nothing else. */
  readonly url: string;
  /** Names the data for good; changes when it was made anew. */
  readonly dataId: string;
}

/** Starts Postgres and makes sure of database and role. The server's log goes to a file; only disasters are shown. */
export async function startOwnDatabase(
  state: StateFolder,
  port: number,
  terminal: Pick<Terminal, 'log'>,
  hooks: { tell: (detail: string) => void; onExit: (code: number | null) => void },
): Promise<OwnDatabase> {
  const logFile = createWriteStream(join(state.path, 'postgres.log'), { mode: 0o600 });
  logFile.on('error', () => undefined); // A full disk shows in other ways.
  let isUp = false;
  const server = await startEmbeddedPostgres({
    dataDir: join(state.path, 'postgres'),
    port,
    password: state.postgresPassword,
    log: (line) => {
      logFile.write(`${line}\n`);
      // Until then it refuses whoever asks whether it is up, and calls that fatal.
      if (isUp && / (FATAL|PANIC): /.test(line)) terminal.log('postgres', line);
    },
    onProgress: hooks.tell,
    onExit: hooks.onExit,
  });
  isUp = true;
  try {
    const role = { name: 'countersign', password: state.databasePassword };
    await createDatabase(server, 'countersign', role);
    const dataId = await systemIdentifier(server);
    return { server, url: server.databaseUrl('countersign', role), dataId };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
