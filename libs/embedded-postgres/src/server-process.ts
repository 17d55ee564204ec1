import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type RunAs, spawnIdentity } from './run-as.js';
import { serverEnvironment } from './server-environment.js';

export interface ServerProcess {
  readonly pid: number;
  /** Exit code, or null when a signal ended it. Never rejects. */
  readonly exited: Promise<number | null>;
  readonly hasExited: () => boolean;
  /** Resolves when it and everybody who could write to its log is gone. */
  readonly logEnded: Promise<void>;
  /** The last lines it wrote. */
  readonly recentLog: () => readonly string[];
}

export interface ServerCommand {
  readonly program: string;
  readonly data: string;
  readonly port: number;
  readonly durable: boolean;
  readonly runAs: RunAs | undefined;
  readonly log: (line: string) => void;
}

/** The settings of a server: loopback only, no socket file; without durability also nothing that protects from a crash. */
export function serverSettings(port: number, durable: boolean): Record<string, string> {
  const always = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  if (durable) return always;
  return {
    ...always,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    io_method: 'sync',
  };
}

/** Starts the main process of Postgres. Resolves when there is a process, not when it accepts connections. */
export function spawnServer(command: ServerCommand): Promise<ServerProcess> {
  const settings = Object.entries(serverSettings(command.port, command.durable));
  const flags = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(command.program, ['-D', command.data, ...flags], {
    ...spawnIdentity(command.runAs),
    cwd: '/',
    env: serverEnvironment(process.env),
    // Its own process group: Ctrl-C in a terminal goes to every process of ours, and Postgres has to end last.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const recent = keepRecent(20);
  for (const stream of [child.stdout, child.stderr]) {
    eachLine(stream, (line) => {
      recent.add(line);
      command.log(line);
    });
  }
  const logEnded = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      resolve({
        pid: child.pid ?? 0,
        exited,
        logEnded,
        hasExited: () => child.exitCode !== null || child.signalCode !== null,
        recentLog: recent.lines,
      });
    });
  });
}

function eachLine(stream: Readable, handle: (line: string) => void): void {
  createInterface({ input: stream }).on('line', handle);
}

function keepRecent(count: number): {
  add: (line: string) => void;
  lines: () => readonly string[];
} {
  const kept: string[] = [];
  return {
    add: (line) => {
      kept.push(line);
      if (kept.length > count) kept.shift();
    },
    lines: () => kept,
  };
}
