import { Argument } from 'commander';
import type { Command } from 'commander';
import { ROLES } from '../accounts/roles.js';
import type { Role } from '../accounts/roles.js';
import type { OperatorUsersController } from '../operators/api/users.controller.js';
import type { CliContext } from './cli-context.js';
import { findAccount } from './find-account.js';
import type { FoundAccount } from './find-account.js';
import { OperatorClient } from './operator-client.js';
import { progressOf } from './receipts.js';
import { instant } from './table.js';

type Disabled = Awaited<ReturnType<OperatorUsersController['disable']>>;
type RoleTaken = Awaited<ReturnType<OperatorUsersController['takeRole']>>;

export function addUsersCommand(program: Command, context: CliContext): void {
  const users = program.command('users').description('Look at people, disable and enable them');
  users
    .command('show')
    .description("Show a person's account. Needs the role read")
    .argument('<address>')
    .action(async (address: string) => {
      const user = await findAccount(new OperatorClient(context), address);
      context.print(user, inWords);
    });
  users
    .command('disable')
    .description('Lock a person out: ends their sessions, revokes their tokens, stops sign-in')
    .argument('<address>')
    .option('--reason <text>', 'for the audit log')
    .action(async (address: string, body: { reason?: string }) => {
      const client = new OperatorClient(context);
      const { id } = await findAccount(client, address);
      const done = await client.post<Disabled>(`/operator/users/${id}/disable`, body);
      context.print(done, (answer) =>
        [
          `disabled ${address}; ended ${String(answer.sessions)} session(s)`,
          progressOf(answer),
        ].join('\n'),
      );
    });
  users
    .command('take-role')
    .description(
      'Take a role from a person and revoke the tokens that carry it; sessions go on. "accounts give-role" gives one',
    )
    .argument('<address>')
    .addArgument(new Argument('<role>').choices(ROLES))
    .option('--reason <text>', 'for the audit log')
    .action(async (address: string, role: Role, { reason }: { reason?: string }) => {
      const client = new OperatorClient(context);
      const { id } = await findAccount(client, address);
      const body = { role, ...(reason === undefined ? {} : { reason }) };
      const done = await client.post<RoleTaken>(`/operator/users/${id}/take-role`, body);
      context.print(done, (answer) =>
        [
          `${address} has ${answer.roles.length === 0 ? 'no role' : `the role(s) ${answer.roles.join(' ')}`} now`,
          progressOf(answer),
        ].join('\n'),
      );
    });
  users
    .command('enable')
    .description('Let a person sign in again; what was ended stays ended')
    .argument('<address>')
    .option('--reason <text>', 'for the audit log')
    .action(async (address: string, body: { reason?: string }) => {
      const client = new OperatorClient(context);
      const { id } = await findAccount(client, address);
      context.print(
        await client.post<{ id: string }>(`/operator/users/${id}/enable`, body),
        () => `${address} may sign in again`,
      );
    });
}

function inWords(user: FoundAccount): string {
  return [
    `id        ${user.id}`,
    `email     ${user.email} (${user.email_verified ? 'verified' : 'not verified'})`,
    `roles     ${user.roles.join(' ')}`,
    `since     ${instant(user.created_at)}`,
    `disabled  ${instant(user.disabled_at)}`,
    `sessions  ${String(user.live_sessions)} live`,
  ].join('\n');
}
