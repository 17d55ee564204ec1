import { claimFolder, EmbeddedPostgresError } from '@countersign/embedded-postgres';
import { once } from 'node:events';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { helpText, parseRunArguments } from './arguments.js';
import { launch } from './launch.js';
import { choosePorts } from './ports.js';
import { RunningParts } from './running-parts.js';
import { StartFailure } from './start-failure.js';
import type { Terminal } from './terminal.js';
import { welcome } from './walk.js';

export interface RunOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly projectRoot: string;
  readonly terminal: Terminal;
  /** Abort it to stop. */
  readonly ending: AbortController;
  /** Abort it, after `ending`, to stop without waiting for anybody. */
  readonly hurry: AbortSignal;
}

/** The reason to end when somebody asked for it. */
export class StopRequested extends Error {
  override readonly name = 'StopRequested';
}

/**
 * The embedded run from the command line to the end of the last process.
 * @returns the exit code: 0 when it was asked to stop, 1 when something failed.
 */
export async function runEmbedded(options: RunOptions): Promise<number> {
  const { terminal, env, ending } = options;
  const statePath = resolve(options.projectRoot, env['COUNTERSIGN_STATE_DIR'] || '.countersign');
  const parts = new RunningParts();
  let release = (): Promise<void> => Promise.resolve();
  try {
    const { portBase, help } = parseRunArguments(options.args);
    if (help) {
      terminal.print(helpText);
      return 0;
    }
    const ports = choosePorts(portBase);
    const giveUpFolder = await claimStateFolder(statePath);
    release = async () => {
      // Only by the run that it tells of: another one may be refused meanwhile.
      await rm(join(statePath, 'run.json'), { force: true });
      await giveUpFolder();
    };
    const fail = (why: string): void => ending.abort(new StartFailure(why));
    const context = { ...options, statePath, ports, parts, ending: ending.signal, fail };
    const { state, demoFile } = await launch(context);
    terminal.print(`\n${welcome(ports, { mailFolder: state.mailFolder, demoFile })}`);
    await aborted(ending.signal);
  } catch (error) {
    ending.abort(error);
  }
  const reason: unknown = ending.signal.reason;
  const asked = reason instanceof StopRequested;
  if (!asked) terminal.print(`\n${inWords(reason)}\n`);
  if (!parts.isEmpty) {
    await terminal.step('everything is stopped', () => parts.stopAll(options.hurry));
  }
  await release();
  return asked ? 0 : 1;
}

async function claimStateFolder(path: string): Promise<() => Promise<void>> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  try {
    return await claimFolder(path);
  } catch (error) {
    if (!(error instanceof EmbeddedPostgresError) || error.code !== 'in_use') throw error;
    throw new StartFailure(
      `Countersign is running already: ${error.message}\n` +
        'For a second one beside it give it other ports and another folder:\n' +
        '  COUNTERSIGN_STATE_DIR=.countersign-2 npm start -- --port-base 4000',
      { cause: error },
    );
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Failures that are expected speak for themselves; of others the stack is needed. */
function inWords(error: unknown): string {
  if (error instanceof StartFailure || error instanceof EmbeddedPostgresError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
