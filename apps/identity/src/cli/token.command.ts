import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { ExplanationJson } from '../operators/api/token-json.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { OperatorClient } from './operator-client.js';
import { explanationInWords } from './token-in-words.js';

/** What identity looks at, characters. */
const LONGEST = 16_384;

const HELP = `
The token is read from standard input, so that it stays out of the shell's history and of the list of processes; identity writes it
nowhere. What a token says of itself is shown whether it is believed or not: see "signature". Needs the role read.

Examples:
  countersign token explain < token.txt
  pbpaste | countersign token explain
  countersign token explain --file token.txt --json`;

export function addTokenCommand(program: Command, context: CliContext): void {
  program
    .command('token')
    .description('Look at a token')
    .command('explain')
    .description('Say what a token is, which services accept it, and why others do not')
    .argument('[token]', '"-" for standard input, which is best', '-')
    .option('--file <path>', 'read it from a file')
    .addHelpText('after', HELP)
    .action(async (given: string, { file }: { file?: string }) => {
      const token = await readToken(context, given, file);
      const explained = await new OperatorClient(context).post<ExplanationJson>(
        '/operator/tokens/explain',
        { token },
      );
      context.print(explained, explanationInWords);
    });
}

async function readToken(
  context: CliContext,
  given: string,
  file: string | undefined,
): Promise<string> {
  const { input, interactive, folder } = context.surroundings;
  if (file !== undefined && given !== '-') throw wrong('say either a token or --file');
  if (file !== undefined) {
    return clean(
      await readFile(resolve(folder, file), 'utf8').catch((error: unknown) => {
        throw wrong(`the file cannot be read: ${(error as Error).message}`);
      }),
    );
  }
  if (given !== '-') {
    context.note('note: the token is in the shell’s history now; standard input keeps it out');
    return clean(given);
  }
  if (interactive) context.note('paste the token, then end the input (Ctrl-D)');
  return clean(await text(input));
}

/** Also as it stands in a header. @throws {CliFailure} */
function clean(raw: string): string {
  const token = raw.trim().replace(/^(authorization:\s*)?bearer\s+/i, '');
  if (token === '') throw wrong('there is no token: give it on standard input, or by --file');
  if (token.length > LONGEST) throw wrong('that is too long to be a token');
  return token;
}

const wrong = (message: string) => new CliFailure('usage', 'invalid_input', message);
