import type { Command } from 'commander';
import type { CliContext } from './cli-context.js';
import { withProgress } from './progress.js';

export function addMigrateCommand(program: Command, context: CliContext): void {
  program
    .command('migrate')
    .description('Bring the database schema up to date. Safe to run again. Needs DATABASE_URL')
    .action(async () => {
      const { migrate } = await import('./open-identity.js');
      const applied = await withProgress(
        'the migration',
        (text) => context.note(text),
        migrate(context.surroundings.env),
      );
      context.print({ applied }, () =>
        applied.length === 0
          ? 'the schema is up to date'
          : `applied ${String(applied.length)} migration(s)`,
      );
    });
}
