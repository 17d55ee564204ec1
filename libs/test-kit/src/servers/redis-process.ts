import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A `redis-server` that answers. */
export interface RedisProcess {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

const readyWithinMs = 10_000;

/**
 * Runs `program` on 127.0.0.1 without persistence.
 * @throws {Error} when the program is missing, or when it ends before it answers: then with what it printed.
 */
export async function startRedis(
  program: string,
  port: number,
  folder: string,
): Promise<RedisProcess> {
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const child = spawn(program, [...flags, '--save', '', '--appendonly', 'no'], {
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
    if (await answersPing(port)) return { pid: child.pid ?? 0, port, stop };
    await sleep(20);
  }
  await stop();
  throw new Error(`redis-server did not start on port ${port}. It printed:\n${output}`);
}

function missing(program: string, cause: unknown): Error {
  if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') return cause as Error;
  const message = `The program ${program} is not on PATH. Run "npm run test:setup" once; it installs what the tests need.`;
  return Object.assign(new Error(message, { cause }), { code: 'ENOENT' });
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('data', (reply) => {
      resolve(reply.toString().startsWith('+PONG'));
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
