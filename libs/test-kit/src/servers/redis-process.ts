import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Settings of redis.conf by name; a list is a setting given several times. */
export type RedisSettings = Readonly<Record<string, string | readonly string[]>>;

/** A `redis-server` that answers. */
export interface RedisProcess {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

const readyWithinMs = 10_000;

/**
 * Runs `program` on 127.0.0.1, without persistence unless `settings` say otherwise. A file `dump.rdb` in `folder` is loaded.
 * With TLS it takes no other connections; the certificate is a matter of `settings`.
 * @throws {Error} when the program is missing, or when it ends before it answers: then with what it printed.
 */
export async function startRedis(
  program: string,
  port: number,
  folder: string,
  settings: RedisSettings = {},
  transport: 'plain' | 'tls' = 'plain',
): Promise<RedisProcess> {
  const listening =
    transport === 'tls' ? { port: '0', 'tls-port': String(port) } : { port: String(port) };
  const own = { ...listening, bind: '127.0.0.1', dir: folder, save: '""', appendonly: 'no' };
  const file = join(folder, 'redis.conf');
  await writeFile(file, lines({ ...own, ...settings }));
  const sentinel = Object.keys(settings).some((name) => name.startsWith('sentinel '));
  const child = spawn(program, [file, ...(sentinel ? ['--sentinel'] : [])], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output = `${output}${chunk.toString()}`.slice(-4_000)));
  }
  await once(child, 'spawn').catch((cause: unknown) => {
    throw missing(program, cause);
  });
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const stop = async (): Promise<void> => {
    if (hasExited()) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 3_000);
    await exited;
    clearTimeout(force);
  };
  for (let waited = 0; waited < readyWithinMs && !hasExited(); waited += 20) {
    if (await answers(port, transport)) return { pid: child.pid ?? 0, port, stop };
    await sleep(20);
  }
  await stop();
  throw new Error(`redis-server did not start on port ${port}. It printed:\n${output}`);
}

function lines(settings: RedisSettings): string {
  return Object.entries(settings)
    .flatMap(([name, values]) => [values].flat().map((value) => `${name} ${value}\n`))
    .join('');
}

function missing(program: string, cause: unknown): Error {
  if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') return cause as Error;
  const message = `The program ${program} is not on PATH. Run "npm run test:setup" once; it installs what the tests need.`;
  return Object.assign(new Error(message, { cause }), { code: 'ENOENT' });
}

function answers(port: number, transport: 'plain' | 'tls'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      if (transport === 'plain') {
        socket.write('PING\r\n');
        return;
      }
      resolve(true);
      socket.destroy();
    });
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', (reply) => {
      // A server that wants a password first is up as well.
      resolve(/^(\+PONG|-NOAUTH)/.test(reply.toString()));
      socket.destroy();
    });
    socket.once('error', () => {
      resolve(false);
    });
    socket.once('close', () => {
      resolve(false);
    });
  });
}
