import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { describePortHolder, findPortHolder } from './port-holder.js';
import { findFreePort, isPortFree } from './ports.js';
import { type ServerCommand, type ServerProcess, spawnServer } from './server-process.js';
import { serverUrl } from './server-url.js';
import { shutDown } from './shut-down.js';

/** Recovery after a crash may take a while on a slow disk. */
const readyWithinMs = 60_000;
const attempts = 10;

/**
 * Starts the server and waits until it answers a real connection.
 * @throws {EmbeddedPostgresError} `port_taken`, `wrong_password`, `did_not_start`; nothing is left running then.
 */
export async function bringUpServer(
  command: Omit<ServerCommand, 'port'>,
  wantedPort: number,
  password: string,
): Promise<{ process: ServerProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = wantedPort === 0 ? await findFreePort() : wantedPort;
    await requireFreePort(port);
    const process = await spawnServer({ ...command, port });
    if (await becomesReady(process, port, password)) return { process, port };
    await Promise.race([process.logEnded, sleep(1_000)]);
    const mayPass = failureThatMayPass(process.recentLog(), wantedPort === 0);
    if (mayPass === undefined || attempt === attempts) throw didNotStart(process);
    await sleep(mayPass);
  }
}

/**
 * How long to wait (ms) before it is worth trying again, judging by the server's last words; undefined: it is not.
 * A free port can be taken by another program meanwhile; the children of a killed server need a moment to end.
 */
export function failureThatMayPass(
  recentLog: readonly string[],
  portIsOurs: boolean,
): number | undefined {
  const log = recentLog.join('\n');
  if (log.includes('pre-existing shared memory block')) return 1_000;
  if (portIsOurs && log.includes('Address already in use')) return 0;
  return undefined;
}

async function requireFreePort(port: number): Promise<void> {
  if (await isPortFree(port)) return;
  const holder = describePortHolder(await findPortHolder(port));
  throw new EmbeddedPostgresError(
    'port_taken',
    `Port ${port}, meant for Postgres, is taken by ${holder}. ` +
      'Stop it, or choose other ports, for example: npm start -- --port-base 4000',
  );
}

/** False when the server ended before it was ready. */
async function becomesReady(
  server: ServerProcess,
  port: number,
  password: string,
): Promise<boolean> {
  const url = serverUrl(port, 'postgres', { name: 'postgres', password });
  for (let waited = 0; waited < readyWithinMs; waited += 50) {
    if (server.hasExited()) return false;
    const failure = await tryToConnect(url);
    if (failure === undefined) return true;
    if (failure.code === '28P01') {
      await shutDown(server.pid, () => server.hasExited());
      throw new EmbeddedPostgresError(
        'wrong_password',
        'The Postgres data was made with another password than the one in the state folder. ' +
          'Put the old state folder back, or delete it to start empty.',
        { cause: failure },
      );
    }
    await sleep(50);
  }
  await shutDown(server.pid, () => server.hasExited());
  return false;
}

async function tryToConnect(url: string): Promise<(Error & { code?: string }) | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function didNotStart(server: ServerProcess): EmbeddedPostgresError {
  const log = server.recentLog().map((line) => `  ${line}`);
  return new EmbeddedPostgresError(
    'did_not_start',
    ['Postgres did not start. Its last words:', ...log].join('\n'),
  );
}
