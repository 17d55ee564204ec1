import { CommanderError } from 'commander';
import { DomainError } from '../platform/domain-error.js';
import { CliContext } from './cli-context.js';
import type { CliSurroundings } from './cli-context.js';
import { CliFailure, EXIT_CODES } from './cli-failure.js';
import { createProgram } from './program.js';

/** Runs one command line. @returns its exit code */
export async function runCli(
  args: readonly string[],
  surroundings: CliSurroundings,
): Promise<number> {
  const context = new CliContext(surroundings);
  try {
    await createProgram(context).parseAsync([...args], { from: 'user' });
    return EXIT_CODES.done;
  } catch (error) {
    // Commander has said what there is to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
    const failure = toFailure(error);
    context.note(
      context.json
        ? JSON.stringify({ error: { code: failure.code, message: failure.message } })
        : failure.message,
    );
    return EXIT_CODES[failure.ending];
  }
}

function toFailure(error: unknown): CliFailure {
  if (error instanceof CliFailure) return error;
  if (error instanceof DomainError) {
    const away = error.code === 'database_unavailable';
    return new CliFailure(away ? 'unavailable' : 'refused', error.code, error.message);
  }
  return new CliFailure(
    'wrong',
    'unexpected',
    error instanceof Error ? error.message : String(error),
  );
}
