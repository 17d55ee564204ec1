import { Option } from 'commander';
import type { Command } from 'commander';
import { OPERATOR_ROLES, operatorName } from '../operators/operator.js';
import type { OperatorRole } from '../operators/operator.js';
import type { CliContext } from './cli-context.js';
import type { Operators } from '../operators/operators.js';
import { CliFailure } from './cli-failure.js';
import { instant, table } from './table.js';

const HELP = `
These commands go straight to the database (DATABASE_URL), so they run where identity runs: no operator can make another.

Roles: read (see), end-sessions (end sessions, revoke tokens, disable people), keys (secrets of relying services).

Examples:
  countersign operators add alice --role read --role end-sessions
  countersign operators add alice --replace --role read     a new token for alice, and other roles
  countersign operators remove alice`;

export function addOperatorsCommand(program: Command, context: CliContext): void {
  const onDatabase = async <T>(work: (operators: Operators) => Promise<T>): Promise<T> => {
    const { withOperators } = await import('./open-identity.js');
    return withOperators(context.surroundings.env, work);
  };
  const operators = program
    .command('operators')
    .description('Say who may use the operator listener')
    .addHelpText('after', HELP);
  operators
    .command('add')
    .description('Add an operator and print their token, which is not kept anywhere')
    .argument('<name>', 'a name for the audit log: lower-case letters, digits and dashes')
    .addOption(
      new Option('--role <role...>', 'what they may do')
        .choices(OPERATOR_ROLES)
        .makeOptionMandatory(),
    )
    .option('--replace', 'give an operator of this name a new token; the old one is dead at once')
    .action(async (name: string, { role, replace }: { role: OperatorRole[]; replace?: true }) => {
      if (!operatorName.safeParse(name).success) {
        throw new CliFailure(
          'usage',
          'invalid_input',
          'a name is lower-case letters, digits and dashes, and begins with a letter',
        );
      }
      const roles = OPERATOR_ROLES.filter((known) => role.includes(known));
      const token = await onDatabase((known) =>
        known.add(name, roles, { replace: replace ?? false }),
      );
      context.print({ name, roles, token }, () => token);
      if (!context.json)
        context.note(`${name} may: ${roles.join(', ')}. Keep the token; it is shown once.`);
    });
  operators
    .command('list')
    .description('List the operators, also those who were removed')
    .action(async () => {
      const listed = await onDatabase((known) => known.list());
      const items = listed.map(({ name, roles, createdAt, disabledAt }) => ({
        name,
        roles,
        created_at: createdAt.getTime() / 1000,
        removed_at: disabledAt && disabledAt.getTime() / 1000,
      }));
      context.print({ items, next_cursor: null }, () =>
        table(
          ['NAME', 'ROLES', 'SINCE', 'REMOVED'],
          items.map((item) => [
            item.name,
            item.roles.join(' '),
            instant(item.created_at),
            instant(item.removed_at),
          ]),
        ),
      );
    });
  operators
    .command('remove')
    .description("Take an operator's rights away, at once")
    .argument('<name>')
    .action(async (name: string) => {
      await onDatabase((known) => known.remove(name));
      context.print({ name }, () => `${name} is no operator any more`);
    });
}
