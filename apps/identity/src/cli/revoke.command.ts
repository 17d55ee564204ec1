import type { Command } from 'commander';
import type { ReceiptsJson } from '../operators/api/receipts-json.js';
import type { Reach } from '../operators/cutting-off.js';
import type { CliContext } from './cli-context.js';
import { confirm } from './confirm.js';
import { accountIdOf } from './find-account.js';
import { parseInstant } from './instant-option.js';
import { OperatorClient } from './operator-client.js';
import { progressOf } from './receipts.js';
import { instant } from './table.js';

interface RevokeOptions {
  readonly before?: number;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly endSessions?: boolean;
  readonly reason?: string;
}
interface Preview {
  readonly dry_run: true;
  readonly cutoff: number;
  readonly reach: Reach;
  readonly sessions_to_end: number;
}
interface Revoked {
  readonly revocation: {
    readonly epoch: number;
    readonly seq: number;
    readonly cutoff: number;
    readonly status: string;
  };
  readonly reach: Reach;
  readonly ended_sessions: number;
  readonly instances?: ReceiptsJson['instances'];
}

const HELP = `
Revokes tokens that were issued up to an instant, in every service, within milliseconds. Sessions go on unless you say
--end-sessions, which ends those that began up to that instant. It first says what it reaches, then asks. Needs the role
end-sessions.

Examples:
  countersign revoke sub ann@example.com --dry-run
  countersign revoke client first-party --before 2026-03-01T12:00:00Z --yes
  countersign revoke all --end-sessions --reason "incident 17"`;

export function addRevokeCommand(program: Command, context: CliContext): void {
  const revoke = program
    .command('revoke')
    .description('Revoke tokens that were issued before an instant')
    .addHelpText('after', HELP);
  withOptions(revoke.command('sub'))
    .description('Revoke the tokens of one person, or of one service that has tokens of its own')
    .argument('<subject>', 'an e-mail address, or the sub of the tokens')
    .action(async (subject: string, options: RevokeOptions) => {
      const client = new OperatorClient(context);
      const id = await accountIdOf(client, subject);
      await revokeTokens(context, client, { kind: 'sub', id }, `tokens of ${subject}`, options);
    });
  withOptions(revoke.command('client'))
    .description('Revoke the tokens that one client was given')
    .argument('<client-id>')
    .action((id: string, options: RevokeOptions) =>
      revokeTokens(
        context,
        new OperatorClient(context),
        { kind: 'client', id },
        `tokens of client ${id}`,
        options,
      ),
    );
  withOptions(revoke.command('all'))
    .description('Revoke the tokens of everybody')
    .action((options: RevokeOptions) =>
      revokeTokens(
        context,
        new OperatorClient(context),
        { kind: 'all' },
        'tokens of EVERYBODY',
        options,
      ),
    );
}

function withOptions(command: Command): Command {
  return command
    .option(
      '--before <instant>',
      'issued up to this second; not in the future (default: now)',
      parseInstant,
    )
    .option('--end-sessions', 'sign people out too: sessions that began up to then end')
    .option('--dry-run', 'say what it would reach, and change nothing')
    .option('--yes', 'do not ask')
    .option('--reason <text>', 'for the audit log');
}

async function revokeTokens(
  context: CliContext,
  client: OperatorClient,
  what: { readonly kind: string; readonly id?: string },
  name: string,
  { before, dryRun, yes, reason, endSessions = false }: RevokeOptions,
): Promise<void> {
  const order = {
    ...what,
    end_sessions: endSessions,
    ...(before === undefined ? {} : { cutoff: before }),
  };
  if (dryRun || !yes) {
    const preview = await client.post<Preview>('/operator/revocations', {
      ...order,
      dry_run: true,
    });
    const inWords = `${name} issued up to ${instant(preview.cutoff)}${endSessions ? ', and end' : ':'} ${reachInWords(preview.reach)}`;
    if (dryRun) {
      context.print(preview, () => `would revoke ${inWords}\nnothing was changed`);
      return;
    }
    await confirm(context, `Revoke ${inWords}?`);
  }
  const revoked = await client.post<Revoked>('/operator/revocations', {
    ...order,
    ...(reason === undefined ? {} : { reason }),
  });
  context.print(revoked, (done) =>
    [
      `revoked ${name} issued up to ${instant(done.revocation.cutoff)}: ${reachInWords(done.reach)}`,
      ...(endSessions ? [`ended ${String(done.ended_sessions)} session(s)`] : []),
      progressOf(done),
    ].join('\n'),
  );
}

function reachInWords({ accounts, sessions }: Reach): string {
  return `${String(sessions)} live session(s) of ${String(accounts)} account(s)`;
}
