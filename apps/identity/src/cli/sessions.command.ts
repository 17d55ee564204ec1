import type { Command } from 'commander';
import type { OperatorSessionsController } from '../operators/api/sessions.controller.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { OperatorClient } from './operator-client.js';
import { progressOf } from './receipts.js';

type Ended = Awaited<ReturnType<OperatorSessionsController['end']>>;

const HELP = `
Their tokens are refused by every service within milliseconds. Needs the role end-sessions.

Examples:
  countersign sessions end --email ann@example.com --reason "laptop stolen"
  countersign sessions end --sid 2f1c6f0e-6a52-4d0e-9f5b-0a3f6f0f9b11`;

export function addSessionsCommand(program: Command, context: CliContext): void {
  const sessions = program.command('sessions').description("End people's sessions");
  sessions
    .command('end')
    .description('End one session, or all of one person')
    .option('--sid <sid>', 'the session to end')
    .option('--email <address>', 'the person whose sessions to end')
    .option('--reason <text>', 'for the audit log')
    .addHelpText('after', HELP)
    .action(async (given: { sid?: string; email?: string; reason?: string }) => {
      if ((given.sid === undefined) === (given.email === undefined)) {
        throw new CliFailure('usage', 'invalid_input', 'say either --sid or --email');
      }
      const ended = await new OperatorClient(context).post<Ended>('/operator/sessions/end', given);
      context.print(ended, (done) =>
        [
          done.sessions === 0
            ? 'no session was left to end'
            : `ended ${String(done.sessions)} session(s)`,
          progressOf(done),
        ].join('\n'),
      );
    });
}
