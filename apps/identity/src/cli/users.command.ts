import { Argument } from 'commander';
import type { Command } from 'commander';
import { ROLES } from '../accounts/roles.js';
import type { Role } from '../accounts/roles.js';
import type { OperatorUsersController } from '../operators/api/users.controller.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { OperatorClient } from './operator-client.js';
import { progressOf } from './receipts.js';
import { instant } from './table.js';

type Found = Awaited<ReturnType<OperatorUsersController['find']>>;
type Disabled = Awaited<ReturnType<OperatorUsersController['disable']>>;
type RoleTaken = Awaited<ReturnType<OperatorUsersController['takeRole']>>;
type User = Found['items'][number];

export function addUsersCommand(program: Command, context: CliContext): void {
  const users = program.command('users').description('Look at people, disable and enable them');
  users
    .command('show')
    .description("Show a person's account. Needs the role read")
    .argument('<address>')
    .action(async (address: string) => {
      const user = await find(new OperatorClient(context), address);
      context.print(user, inWords);
    });
  users
    .command('disable')
    .description('Lock a person out: ends their sessions, revokes their tokens, stops sign-in')
    .argument('<address>')
    .option('--reason <text>', 'for the audit log')
    .action(async (address: string, body: { reason?: string }) => {
      const client = new OperatorClient(context);
      const { id } = await find(client, address);
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
      const { id } = await find(client, address);
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
      const { id } = await find(client, address);
      context.print(
        await client.post<{ id: string }>(`/operator/users/${id}/enable`, body),
        () => `${address} may sign in again`,
      );
    });
}

async function find(client: OperatorClient, email: string): Promise<User> {
  const [user] = (await client.get<Found>('/operator/users', { email })).items;
  if (!user) throw new CliFailure('refused', 'unknown_account', 'no account has this address');
  return user;
}

function inWords(user: User): string {
  return [
    `id        ${user.id}`,
    `email     ${user.email} (${user.email_verified ? 'verified' : 'not verified'})`,
    `roles     ${user.roles.join(' ')}`,
    `since     ${instant(user.created_at)}`,
    `disabled  ${instant(user.disabled_at)}`,
    `sessions  ${String(user.live_sessions)} live`,
  ].join('\n');
}
