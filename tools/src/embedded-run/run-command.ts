import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { type ChildCommand, killGroup } from './child-process.js';

export interface CommandResult {
  readonly code: number | null;
  /** Standard output and standard error, one after the other. */
  readonly output: string;
}

/**
 * Runs a command of ours to its end, with `input` on its standard input.
 * @throws the reason of `ending` when that is aborted; the command is gone by then.
 */
export async function runCommand(
  command: ChildCommand,
  ending: AbortSignal,
  input = '',
): Promise<CommandResult> {
  ending.throwIfAborted();
  const child = spawn(process.execPath, command.args, {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const end = (): void => killGroup(child.pid);
  ending.addEventListener('abort', end, { once: true });
  child.stdin.on('error', () => undefined); // It may end without reading.
  child.stdin.end(input);
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    closed,
  ]);
  ending.removeEventListener('abort', end);
  ending.throwIfAborted();
  return { code, output: `${stdout}${stderr}`.trim() };
}
