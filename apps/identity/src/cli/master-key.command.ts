import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { MasterKeyStanding } from '../master-key/master-key-rotation.js';
import { newMasterKeyLine } from '../sealing/master-keys.js';
import type { CliContext } from './cli-context.js';
import { confirm } from './confirm.js';
import { withProgress } from './progress.js';
import { table } from './table.js';

const HELP = `
Master keys seal private keys and the secrets of sessions in the database. They are in MASTER_KEY_FILE (or MASTER_KEY), one
"<id> <base64url of 32 bytes>" per line: the first one seals, all of them open. To change it, without downtime:

  1. countersign master-key generate >> master-keys     for every replica; restart one after the other
  2. move the new line to the top, everywhere; restart one after the other
  3. countersign master-key rotate
  4. countersign master-key status                      take lines away that are not needed any more; restart

These commands go straight to the database (DATABASE_URL), so they run where identity runs. See docs/operations/keys.md.`;

export function addMasterKeyCommand(program: Command, context: CliContext): void {
  const command = program
    .command('master-key')
    .description('The key that seals secrets in the database')
    .addHelpText('after', HELP);
  command
    .command('generate')
    .description('Print a new line for a file of master keys. Needs nothing')
    .option('--id <id>', 'its id; a random one when left out', parseId)
    .action(({ id }: { id?: string }) => {
      const line = newMasterKeyLine(id);
      context.print({ line }, () => line);
    });
  command
    .command('status')
    .description('Say what is sealed under which master key, and who has it. Needs DATABASE_URL')
    .action(() => status(context));
  command
    .command('rotate')
    .description(
      'Seal everything under the first of the master keys. Safe to run again. Needs DATABASE_URL and MASTER_KEY_FILE',
    )
    .option('--dry-run', 'say what would be sealed anew, and change nothing')
    .option('--yes', 'do not ask')
    .action((options: RotateOptions) => rotate(context, options));
}

async function status(context: CliContext): Promise<void> {
  const { withMasterKeyRotation } = await import('./open-identity.js');
  const { keys, replicas } = await withMasterKeyRotation(context.surroundings.env, (rotation) =>
    rotation.status(),
  );
  const result = {
    items: keys.map((key) => ({
      id: key.id,
      sealed: key.boxes,
      first_line_of: key.sealedWithBy,
      known_to: key.openedBy,
      needed: !key.removable,
    })),
    replicas: replicas.map(({ name }) => name),
  };
  context.print(result, () =>
    table(
      ['MASTER KEY', 'SEALS', 'FIRST LINE OF', 'KNOWN TO', 'NEEDED'],
      keys.map((key) => row(key, replicas.length)),
    ),
  );
}

function row(key: MasterKeyStanding, replicas: number): string[] {
  const boxes = Object.entries(key.boxes).map(([of, count]) => `${of} ${String(count)}`);
  const share = (names: readonly string[]) =>
    `${String(names.length)} of ${String(replicas)} replicas`;
  return [
    key.id,
    boxes.length === 0 ? 'nothing' : boxes.join(', '),
    share(key.sealedWithBy),
    share(key.openedBy),
    key.removable ? 'no' : 'yes',
  ];
}

interface RotateOptions {
  readonly dryRun?: true;
  readonly yes?: true;
}

async function rotate(context: CliContext, { dryRun, yes }: RotateOptions): Promise<void> {
  const { withMasterKeyRotation } = await import('./open-identity.js');
  const { CONSOLE_ACTOR } = await import('../audit/audit-log.js');
  await withMasterKeyRotation(context.surroundings.env, async (rotation, readKeys) => {
    const keys = readKeys();
    const to = keys.current.id;
    if (dryRun || !yes) {
      const counts = await rotation.preview(keys);
      const items = counts.map((c) => ({
        table: c.table,
        master_key: c.masterKeyId,
        secrets: c.boxes,
      }));
      const lines = items.map(
        (one) => `${one.table}: ${String(one.secrets)} secret(s), now under "${one.master_key}"`,
      );
      const inWords = [`to be sealed under "${to}":`, ...(lines.length > 0 ? lines : ['nothing'])];
      if (dryRun) {
        context.print({ dry_run: true, to, items }, () =>
          [...inWords, 'nothing was changed'].join('\n'),
        );
        return;
      }
      context.note(inWords.join('\n'));
      await confirm(context, 'Rotate?');
    }
    const done = await withProgress(
      'the database',
      (text) => context.note(text),
      rotation.rotate(CONSOLE_ACTOR, keys),
    );
    context.print({ to, sealed_anew: done.sealedAnew, unused: done.unused }, () =>
      [
        ...Object.entries(done.sealedAnew).map(
          ([of, count]) => `${of}: ${String(count)} secret(s) sealed anew`,
        ),
        ...done.unused.map((id) => `"${id}" is not needed any more: take its line away`),
        `everything is sealed under "${to}"`,
      ].join('\n'),
    );
  });
}

function parseId(text: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError('an id is 1 to 64 of A-Za-z0-9._-');
}
