import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';

/** What is longer is no key, and is not read. */
const LONGEST_BYTES = 64 * 1024;

const HELP = `
The key is RSA, 2048 to 4096 bits, as PEM (PKCS #8 or PKCS #1, not encrypted) or as a JWK; "-" reads it from standard input. Its kid
will be its thumbprint (RFC 7638). It is prepared: it is published, and signs after those that were prepared before it.

It goes straight to the database, sealed under the first of the master keys (DATABASE_URL, MASTER_KEY_FILE): a private key is sent to no
listener, where proxies and logs might keep it, and who can do this has all the keys already.`;

export function addKeysImportCommand(keys: Command, context: CliContext): void {
  keys
    .command('import')
    .description('Import an existing private key. Needs DATABASE_URL and MASTER_KEY_FILE')
    .argument('<file>', 'the private key, or - for standard input')
    .option('--dry-run', 'look at the key, and change nothing')
    .addHelpText('after', HELP)
    .action(async (file: string, { dryRun = false }: { dryRun?: boolean }) => {
      const text = await read(context, file);
      const { importKey } = await import('./open-identity.js');
      const { kid, bits } = await importKey(context.surroundings.env, text, dryRun);
      context.print({ kid, bits, dry_run: dryRun }, () =>
        dryRun
          ? `${kid} can be imported (RSA, ${String(bits)} bits)\nnothing was changed`
          : `${kid} is prepared (RSA, ${String(bits)} bits); "countersign keys plan" says when it signs`,
      );
      if (!dryRun && file !== '-' && !context.json) {
        context.note(`It is in the database, sealed. Delete ${file} now.`);
      }
    });
}

async function read({ surroundings }: CliContext, file: string): Promise<string> {
  if (file === '-') return readAll(surroundings.input);
  try {
    const handle = await open(resolve(surroundings.folder, file));
    try {
      return await readAll(handle.createReadStream());
    } finally {
      await handle.close().catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    const why = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new CliFailure('usage', 'file_unreadable', `${file} cannot be read (${why})`);
  }
}

async function readAll(input: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of input) {
    const bytes = Buffer.from(part as Buffer | string);
    length += bytes.length;
    if (length > LONGEST_BYTES) {
      throw new CliFailure('usage', 'unusable_private_key', 'that is too long for a key');
    }
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString('utf8');
}
