import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from './cli-context.js';
import { confirm } from './confirm.js';
import { lostTime as lostTimeInWords } from './epoch-in-words.js';
import { withProgress } from './progress.js';
import type { LostTime } from '../revocation/lost-time.js';

interface RaiseGiven {
  readonly keepSessions?: boolean;
  readonly above?: number;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly reason?: string;
}

const HELP = `
The last step of restoring the database from a dump. It goes straight to the database (DATABASE_URL), so identity may be
stopped. Revocations of the lost time may be missing: so every session ends and every token issued before now is revoked, unless
you say --keep-sessions. It names the lost time. See docs/operations/backup.md.

Examples:
  countersign epoch raise --dry-run
  countersign epoch raise --yes --reason "restored the dump of 03:00"`;

export function addEpochCommand(program: Command, context: CliContext): void {
  program
    .command('epoch')
    .description('The epoch of revocations: another one begins when history was lost')
    .command('raise')
    .description(
      'Begin another epoch, end every session and revoke every token. Needs DATABASE_URL',
    )
    .option('--keep-sessions', 'only begin another epoch: sessions and tokens go on')
    .option('--above <epoch>', 'the new one is also above this one', parseEpoch)
    .option('--dry-run', 'say what it would end, and change nothing')
    .option('--yes', 'do not ask')
    .option('--reason <text>', 'for the audit log')
    .addHelpText('after', HELP)
    .action((given: RaiseGiven) => raiseEpoch(context, given));
}

async function raiseEpoch(
  context: CliContext,
  { keepSessions = false, above, dryRun, yes, reason }: RaiseGiven,
): Promise<void> {
  const { withEpochs } = await import('./open-identity.js');
  await withEpochs(context.surroundings.env, async ({ preview, raise }) => {
    if (dryRun || !yes) {
      const { epoch, head, sessions, lostTime } = await preview();
      const ends = keepSessions
        ? `keep ${String(sessions)} session(s)`
        : `END ALL ${String(sessions)} session(s) and revoke every token`;
      const inWords = `leave epoch ${String(epoch)} (head ${String(head)}) and ${ends}`;
      if (dryRun) {
        const found = { dry_run: true, epoch, head, sessions_to_end: keepSessions ? 0 : sessions };
        context.print({ ...found, ...lostJson(lostTime) }, () =>
          lines(`would ${inWords}`, ifRestored(lostTime), 'nothing was changed'),
        );
        return;
      }
      await confirm(context, `Really ${inWords}?`);
    }
    const began = await withProgress(
      'the database',
      (text) => context.note(text),
      raise({ keepSessions, above, note: reason }),
    );
    const { epoch, seq, endedSessions, lostTime } = began;
    context.print(
      {
        epoch,
        head: seq,
        sessions_kept: keepSessions,
        ended_sessions: endedSessions,
        ...lostJson(lostTime),
      },
      () =>
        lines(
          keepSessions
            ? `epoch ${String(epoch)} has begun; sessions were kept`
            : `epoch ${String(epoch)} has begun; ended ${String(endedSessions)} session(s) and revoked every token`,
          ifRestored(lostTime),
        ),
    );
  });
}

const lines = (...all: readonly string[]) => all.filter((line) => line !== '').join('\n');

const lostJson = (lost: LostTime | undefined) => ({
  lost_from: lost ? inSeconds(lost.from) : null,
  lost_to: lost ? inSeconds(lost.to) : null,
});

/** The last sign of life says when a restored database was copied; that it was restored, only the operator knows. */
function ifRestored(lost: LostTime | undefined): string {
  if (!lost) return '';
  return `if this database was restored, ${lostTimeInWords(inSeconds(lost.from), inSeconds(lost.to))}`;
}

const inSeconds = (at: Date) => at.getTime() / 1000;

function parseEpoch(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('an epoch is a whole number.');
}
