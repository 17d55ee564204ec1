import { makeFolder, removeFolder } from './throw-away-folder.js';
import { type RedisProcess, type RedisSettings, startRedis } from './redis-process.js';

/** A real Redis server for one test file. */
export interface ThrowAwayRedis {
  /** `redis://127.0.0.1:<port>`, or `rediss`; without a password. */
  readonly url: string;
  readonly port: number;
  /** Where the server keeps its files; `dump.rdb` is read when it starts. */
  readonly folder: string;
  /** Stops the server; what was in it is lost. For tests of "Redis is away". */
  halt(): Promise<void>;
  /** After halt(): a server on the same port, empty unless there is a dump. */
  resume(): Promise<void>;
  /** Holds the process still as it is, with its connections, until it is let go on. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export interface ThrowAwayRedisOptions {
  readonly program?: string;
  /** Settings of redis.conf, for example `{ replicaof: '127.0.0.1 6379' }`; with `sentinel …` among them it is a Sentinel. */
  readonly settings?: RedisSettings;
  /** Takes nothing but TLS then, by the certificate of `settings`. */
  readonly transport?: 'plain' | 'tls';
}

/**
 * Starts the `redis-server` found on PATH on a free port of 127.0.0.1, without persistence. It ends with stop(), or when
 * this process is killed.
 *
 * @throws {Error} when the program is missing. A test must not be skipped for that: `npm run test:setup` installs it.
 */
export async function startThrowAwayRedis(
  options: ThrowAwayRedisOptions = {},
): Promise<ThrowAwayRedis> {
  const { findFreePort, watchOverChildren } = await import('@countersign/embedded-postgres');
  const program = options.program ?? 'redis-server';
  const folder = await makeFolder('redis');
  const watch = watchOverChildren();
  const discard = async (): Promise<void> => {
    watch.close();
    await removeFolder(folder);
  };
  const start = async (port: number): Promise<RedisProcess> => {
    const started = await startRedis(program, port, folder, options.settings, options.transport);
    watch.add(started.pid, 'SIGTERM');
    return started;
  };
  const halt = async (): Promise<void> => {
    await server.stop();
    watch.remove(server.pid);
  };
  let server: RedisProcess;
  try {
    server = await onSomeFreePort(findFreePort, start);
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    url: `${options.transport === 'tls' ? 'rediss' : 'redis'}://127.0.0.1:${server.port}`,
    port: server.port,
    folder,
    freeze: () => void process.kill(server.pid, 'SIGSTOP'),
    thaw: () => void process.kill(server.pid, 'SIGCONT'),
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
  findFreePort: () => Promise<number>,
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
