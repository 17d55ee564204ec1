import { Command } from 'commander';
import { addAccountsCommand } from './accounts.command.js';
import { addAuditCommand } from './audit.command.js';
import type { CliContext } from './cli-context.js';
import { EXIT_CODES_HELP } from './cli-failure.js';
import { addClientsCommand } from './clients.command.js';
import { addDoctorCommand } from './doctor.command.js';
import { addEpochCommand } from './epoch.command.js';
import { addKeysCommand } from './keys.command.js';
import { addMasterKeyCommand } from './master-key.command.js';
import { addMigrateCommand } from './migrate.command.js';
import { OPERATOR_ACCESS_HELP } from './operator-access.js';
import { addOperatorsCommand } from './operators.command.js';
import { addRelayCommand } from './relay.command.js';
import { addRevocationsCommand } from './revocations.command.js';
import { addRevokeCommand } from './revoke.command.js';
import { addServicesCommand } from './services.command.js';
import { addSessionsCommand } from './sessions.command.js';
import { addStatusCommand } from './status.command.js';
import { addTokenCommand } from './token.command.js';
import { addUsersCommand } from './users.command.js';

const INTRODUCTION = `Operates an identity service.

migrate, epoch, accounts, operators, master-key, keys import and audit verify work on the database and take the settings of the service from the environment.
Everything else asks the operator listener of a running identity.`;

const EXAMPLES = `
Examples:
  countersign doctor
  countersign sessions end --email ann@example.com
  countersign revoke all --dry-run
  countersign services list --json`;

/** The whole command line. */
export function createProgram(context: CliContext): Command {
  const { writeOut, writeError } = context.surroundings;
  const program = new Command('countersign')
    .description(INTRODUCTION)
    .option('--json', 'print the result as JSON, errors too')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut, writeErr: writeError })
    .showHelpAfterError('Say --help for how to use it.')
    .exitOverride()
    .addHelpText('after', `${EXAMPLES}\n${OPERATOR_ACCESS_HELP}\n${EXIT_CODES_HELP}`)
    .hook('preAction', (_program, action) => {
      context.json = action.optsWithGlobals<{ json?: true }>().json ?? false;
    });
  for (const add of [
    addStatusCommand,
    addDoctorCommand,
    addSessionsCommand,
    addRevokeCommand,
    addRevocationsCommand,
    addRelayCommand,
    addUsersCommand,
    addServicesCommand,
    addClientsCommand,
    addKeysCommand,
    addAuditCommand,
    addMasterKeyCommand,
    addTokenCommand,
    addOperatorsCommand,
    addAccountsCommand,
    addMigrateCommand,
    addEpochCommand,
  ]) {
    add(program, context);
  }
  return program;
}
