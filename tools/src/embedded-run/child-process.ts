import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Terminal } from './terminal.js';

/** A process that runs until it is stopped. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly stopSignal: 'SIGTERM';
  /** How it ended, in words. Never rejects. */
  readonly ended: Promise<string>;
  /** Asks it to end, and ends it by force after 6 seconds or as soon as `hurry` is aborted. */
  readonly stop: (hurry: AbortSignal) => Promise<void>;
}

export interface ChildCommand {
  readonly name: string;
  /** Arguments for this same Node. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const patienceMs = 6_000;

/**
 * Starts a process in a group of its own, so that Ctrl-C reaches the launcher alone, which decides the order of stops.
 * What it prints goes to the terminal. It has an IPC channel, whose end tells it that the launcher is gone.
 */
export function startChild(command: ChildCommand, terminal: Terminal): Child {
  const { name } = command;
  const child = spawn(process.execPath, command.args, {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => terminal.log(name, line));
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', () => killGroup(child.pid));
    // Not before its last lines were read.
    child.once('close', (code, signal) => {
      resolve(signal === null ? `ended with code ${code ?? 0}` : `was ended by ${signal}`);
    });
  });
  const stop = async (hurry: AbortSignal): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const force = (why: string) => (): void => {
      terminal.warn(`${name} ${why}; ending it by force`);
      killGroup(child.pid);
    };
    const onHurry = force('has not stopped yet');
    const timer = setTimeout(force(`has not stopped within ${patienceMs / 1000} s`), patienceMs);
    hurry.addEventListener('abort', onHurry, { once: true });
    if (hurry.aborted) onHurry();
    else child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
    hurry.removeEventListener('abort', onHurry);
  };
  return { name, pid: child.pid ?? 0, stopSignal: 'SIGTERM', ended, stop };
}

/** Ends a process and those it has started; nothing may stay behind. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // Nobody was left.
  }
}
