import type { Command } from 'commander';
import type { CliContext } from './cli-context.js';
import { withProgress } from './progress.js';

export function addMigrateCommand(program: Command, context: CliContext): void {
  program
    .command('migrate')
    .description(
      'Bring the database schema up to date. Safe to run again. Needs MIGRATION_DATABASE_URL, or else DATABASE_URL',
    )
    .option(
      '--grant-to <role>',
      'the database role of the service: it may do what the service needs then, and nothing else',
    )
    .action(async ({ grantTo }: { grantTo?: string }) => {
      const { migrate } = await import('./open-identity.js');
      const applied = await withProgress(
        'the migration',
        (text) => context.note(text),
        migrate(context.surroundings.env, grantTo),
      );
      const outcome =
        applied.length === 0
          ? 'the schema is up to date'
          : `applied ${String(applied.length)} migration(s)`;
      context.print({ applied, granted_to: grantTo ?? null }, () =>
        grantTo === undefined
          ? outcome
          : `${outcome}; ${grantTo} may do what the service needs, and nothing else`,
      );
    });
}
