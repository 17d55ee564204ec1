import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { Option } from 'commander';
import type { Command } from 'commander';
import { emailAddress } from '../accounts/email-address.js';
import { ROLES } from '../accounts/roles.js';
import type { Role } from '../accounts/roles.js';
import { newPassword } from '../credentials/password-rules.js';
import { DomainError } from '../platform/domain-error.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';

interface NewAccount {
  readonly email: string;
  readonly role: Role;
  readonly passwordFile?: string;
  readonly unlessThere?: true;
}

export function addAccountsCommand(program: Command, context: CliContext): void {
  const accounts = program
    .command('accounts')
    .description("Make people's accounts, straight in the database");
  accounts
    .command('add')
    .description(
      'Make a verified account; the password is read from standard input. Needs the settings of the service',
    )
    .option('--password-file <file>', 'read the password from this file instead')
    .option(
      '--unless-there',
      'leave a verified account that has this address as it is, and succeed',
    )
    .requiredOption('--email <address>', 'the address to sign in with')
    .addOption(
      new Option('--role <role>', 'what the account may do').choices(ROLES).default('customer'),
    )
    .action(async ({ email, role, passwordFile, unlessThere }: NewAccount) => {
      const { env, input, folder } = context.surroundings;
      const address = emailAddress.safeParse(email);
      if (!address.success) {
        throw new CliFailure('usage', 'invalid_input', '--email is not an e-mail address');
      }
      const given =
        passwordFile === undefined ? await text(input) : readSecret(resolve(folder, passwordFile));
      const password = newPassword.safeParse(given.replace(/\r?\n$/, ''));
      if (!password.success) {
        const why = password.error.issues[0]?.message ?? 'is not valid';
        throw new CliFailure('usage', 'invalid_input', `the password ${why}`);
      }
      const { addAccount } = await import('./open-identity.js');
      try {
        const id = await addAccount(env, address.data, password.data, role);
        context.print({ id }, () => id);
      } catch (error) {
        const isThere = error instanceof DomainError && error.code === 'account_exists';
        if (!isThere || unlessThere !== true) throw error;
        context.note(`${email} is there already`);
      }
    });
  accounts
    .command('give-role')
    .description(
      'Give an account a role, and end its sessions: the role is there after the next sign-in. Needs DATABASE_URL',
    )
    .requiredOption('--email <address>', 'whose account')
    .addOption(new Option('--role <role>', 'the role').choices(ROLES).makeOptionMandatory())
    .action(async ({ email, role }: { email: string; role: Role }) => {
      const address = emailAddress.safeParse(email);
      if (!address.success) {
        throw new CliFailure('usage', 'invalid_input', '--email is not an e-mail address');
      }
      const { giveRole } = await import('./open-identity.js');
      const given = await giveRole(context.surroundings.env, address.data, role);
      context.print(
        given,
        ({ roles, sessions }) =>
          `${email} has the role(s) ${roles.join(' ')} now; ${String(sessions)} session(s) ended`,
      );
    });
}

/** @throws {CliFailure} when the file cannot be read */
function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new CliFailure('usage', 'password_file_unreadable', `${file} cannot be read (${why})`);
  }
}
