import { createInterface } from 'node:readline/promises';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';

/**
 * Asks whether to go on; goes on only at `y` or `yes`.
 *
 * @throws {CliFailure} `not_confirmed`: the answer was another, or there is nobody to ask
 */
export async function confirm(context: CliContext, question: string): Promise<void> {
  const { interactive, input, writeError } = context.surroundings;
  if (!interactive) {
    throw new CliFailure(
      'usage',
      'not_confirmed',
      'this needs a confirmation, and there is nobody to ask: look with --dry-run, then say --yes',
    );
  }
  const lines = createInterface({ input });
  try {
    writeError(`${question} [y/N] `);
    const answer = await new Promise<string>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
    });
    if (!/^\s*y(es)?\s*$/i.test(answer)) {
      throw new CliFailure('usage', 'not_confirmed', 'nothing was done');
    }
  } finally {
    lines.close();
  }
}
