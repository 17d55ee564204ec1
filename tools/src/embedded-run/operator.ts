import type { CommandResult } from './run-command.js';
import { StartFailure } from './start-failure.js';
import { replace } from './state-folder.js';

/**
 * Makes the operator `embedded`, or gives it a new token, and keeps the token where the command line looks for it: so that
 * whoever can read the state folder can operate the run, and a token of an earlier run is worth nothing.
 */
export async function renewOperator(
  file: string,
  runCommand: (args: readonly string[]) => Promise<CommandResult>,
): Promise<void> {
  const roles = ['read', 'end-sessions', 'keys'];
  const { code, output } = await runCommand([
    'operators',
    'add',
    'embedded',
    '--replace',
    '--role',
    ...roles,
    '--json',
  ]);
  if (code !== 0) throw new StartFailure(`The operator could not be made:\n${output}`);
  const { token } = JSON.parse(output) as { token: string };
  await replace(file, `${token}\n`);
}
