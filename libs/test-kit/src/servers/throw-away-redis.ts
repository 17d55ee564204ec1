import { findFreePort, watchOverChildren } from '@countersign/embedded-postgres';
import { makeFolder, removeFolder } from './throw-away-folder.js';
import { type RedisProcess, startRedis } from './redis-process.js';

/** A real Redis server for one test file. */
export interface ThrowAwayRedis {
  /** `redis://127.0.0.1:<port>`, without a password. */
  readonly url: string;
  readonly port: number;
  /** Stops the server; what was in it is lost. For tests of "Redis is away". */
  halt(): Promise<void>;
  /** After halt(): an empty server on the same port. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the `redis-server` found on PATH on a free port of 127.0.0.1, writing nothing to disk. It ends with stop(),
 * or when this process is killed.
 *
 * @throws {Error} when the program is missing. A test must not be skipped for that: `npm run test:setup` installs it.
 */
export async function startThrowAwayRedis(
  options: { readonly program?: string } = {},
): Promise<ThrowAwayRedis> {
  const program = options.program ?? 'redis-server';
  const folder = await makeFolder('redis');
  const watch = watchOverChildren();
  const discard = async (): Promise<void> => {
    watch.close();
    await removeFolder(folder);
  };
  const start = async (port: number): Promise<RedisProcess> => {
    const started = await startRedis(program, port, folder);
    watch.add(started.pid, 'SIGTERM');
    return started;
  };
  const halt = async (): Promise<void> => {
    await server.stop();
    watch.remove(server.pid);
  };
  let server: RedisProcess;
  try {
    server = await onSomeFreePort(start);
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${server.port}`,
    port: server.port,
    halt,
    resume: async () => {
      server = await start(server.port);
    },
    stop: async () => {
      await halt();
      await discard();
    },
  };
}

/** A port that was free a moment ago may be taken by now. */
async function onSomeFreePort(
  start: (port: number) => Promise<RedisProcess>,
): Promise<RedisProcess> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await findFreePort());
    } catch (error) {
      if (attempt === 3 || (error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    }
  }
}
