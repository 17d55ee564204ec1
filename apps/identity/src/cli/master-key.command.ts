import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { MasterKeyRotation, MasterKeyStanding } from '../master-key/master-key-rotation.js';
import { newMasterKeyLine } from '../sealing/master-keys.js';
import type { MasterKeys } from '../sealing/master-keys.js';
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

When a master key was stolen, step 3 is "countersign master-key rotate --compromised".

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
    .option(
      '--compromised',
      'a master key was stolen: also put others in the place of secrets that it opened',
    )
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--yes', 'do not ask')
    .action((options: RotateOptions) => rotate(context, options));
}

async function status(context: CliContext): Promise<void> {
  const { withMasterKeys } = await import('./open-identity.js');
  const { keys, replicas } = await withMasterKeys(context.surroundings.env, ({ rotation }) =>
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
  readonly compromised?: true;
  readonly dryRun?: true;
  readonly yes?: true;
}

async function rotate(context: CliContext, options: RotateOptions): Promise<void> {
  const { withMasterKeys } = await import('./open-identity.js');
  const { CONSOLE_ACTOR } = await import('../audit/audit-log.js');
  await withMasterKeys(context.surroundings.env, async (work) => {
    const keys = work.readKeys();
    const replacement = options.compromised ? work.replacement : undefined;
    if (options.dryRun || !options.yes) {
      const { json, inWords } = await preview(work.rotation, keys, replacement?.names ?? []);
      if (options.dryRun) {
        context.print(json, () => [...inWords, 'nothing was changed'].join('\n'));
        return;
      }
      context.note(inWords.join('\n'));
      await confirm(context, 'Rotate?');
    }
    const { done, replaced } = await withProgress(
      'the database',
      (text) => context.note(text),
      work.rotation.rotate(CONSOLE_ACTOR, keys).then(async (rotated) => ({
        done: rotated,
        replaced: await replacement?.replace(CONSOLE_ACTOR, keys),
      })),
    );
    const result = { to: done.to, sealed_anew: done.sealedAnew, unused: done.unused };
    context.print({ ...result, ...(replaced && { replaced }) }, () =>
      [
        ...Object.entries(done.sealedAnew).map(
          ([of, count]) => `${of}: ${String(count)} secret(s) sealed anew`,
        ),
        ...done.unused.map((id) => `"${id}" is not needed any more: take its line away`),
        `everything is sealed under "${done.to}"`,
        ...Object.entries(replaced ?? {}).map(
          ([name, count]) => `replaced: ${String(count)} ${name}`,
        ),
        ...(replaced
          ? ['restart every replica: until then it goes on with what it has opened']
          : []),
      ].join('\n'),
    );
  });
}

/** What would be done. */
async function preview(
  rotation: MasterKeyRotation,
  keys: MasterKeys,
  replaced: readonly string[],
): Promise<{ readonly json: object; readonly inWords: readonly string[] }> {
  const to = keys.current.id;
  const items = (await rotation.preview(keys)).map((count) => ({
    table: count.table,
    master_key: count.masterKeyId,
    secrets: count.boxes,
  }));
  const lines = items.map(
    (one) => `${one.table}: ${String(one.secrets)} secret(s), now under "${one.master_key}"`,
  );
  return {
    json: { dry_run: true, to, items, ...(replaced.length > 0 && { replaced }) },
    inWords: [
      `to be sealed under "${to}":`,
      ...(lines.length > 0 ? lines : ['nothing']),
      ...replaced.map((name) => `to be replaced: ${name}`),
    ],
  };
}

function parseId(text: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(text)) return text;
  throw new InvalidArgumentError('an id is 1 to 64 of A-Za-z0-9._-');
}
