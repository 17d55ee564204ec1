#!/usr/bin/env node
import 'reflect-metadata';
import { text } from 'node:stream/consumers';
import { createLogger, createMetrics } from '@countersign/service-host';
import { Command, Option } from 'commander';
import { Accounts } from './accounts/accounts.js';
import { emailAddress } from './accounts/email-address.js';
import { ROLES } from './accounts/roles.js';
import type { Role } from './accounts/roles.js';
import { loadConfig, loadDatabaseUrl } from './config/identity-config.js';
import { newPassword } from './credentials/password.js';
import { PasswordHasher } from './credentials/password-hasher.js';
import { createIdentityDataSource } from './identity-data-source.js';
import { Database } from './platform/database.js';
import { RandomIds } from './platform/ids.js';
import { SystemClock } from './platform/system-clock.js';
import { MasterKeys } from './sealing/master-keys.js';
import { createIdentityContext, openDatabase } from './start-identity.js';

const program = new Command('countersign')
  .description(
    'Operates an identity service. Settings come from the environment, as for the service itself.',
  )
  .showHelpAfterError();

program
  .command('migrate')
  .description('Brings the database schema up to date. Needs DATABASE_URL. Safe to run again.')
  .action(async () => {
    const source = createIdentityDataSource(loadDatabaseUrl(process.env), 2);
    await source.initialize();
    try {
      const applied = await source.runMigrations({ transaction: 'each' });
      console.log(
        applied.length === 0
          ? 'the schema is up to date'
          : `applied ${String(applied.length)} migration(s)`,
      );
    } finally {
      await source.destroy();
    }
  });

program
  .command('accounts')
  .description('Accounts of people')
  .command('add')
  .description('Makes a verified account. The password is read from standard input.')
  .requiredOption('--email <address>', 'the address to sign in with')
  .addOption(
    new Option('--role <role>', 'what the account may do').choices(ROLES).default('customer'),
  )
  .action(async ({ email, role }: { email: string; role: Role }) => {
    const address = emailAddress.safeParse(email);
    if (!address.success) throw new Error('--email is not an e-mail address');
    const password = newPassword.safeParse((await text(process.stdin)).replace(/\r?\n$/, ''));
    if (!password.success)
      throw new Error(`the password ${password.error.issues[0]?.message ?? 'is not valid'}`);
    await withIdentity(async ({ accounts, passwords }) => {
      const id = await accounts.addVerified(address.data, await passwords.hash(password.data), [
        role,
      ]);
      console.log(id);
    });
  });

interface Tools {
  readonly accounts: Accounts;
  readonly passwords: PasswordHasher;
}

async function withIdentity(work: (tools: Tools) => Promise<void>): Promise<void> {
  const config = loadConfig(process.env);
  const database = new Database(createIdentityDataSource(config.DATABASE_URL, 2));
  await openDatabase(database);
  const identity = await createIdentityContext({
    config,
    logger: createLogger({ name: 'countersign', level: 'warn', format: config.LOG_FORMAT }),
    metrics: createMetrics(),
    clock: new SystemClock(),
    ids: new RandomIds(),
    database,
    masterKeys: MasterKeys.fromFile(config.MASTER_KEY_FILE),
  });
  const passwords = identity.get(PasswordHasher);
  try {
    await work({ accounts: identity.get(Accounts), passwords });
  } finally {
    passwords.close();
    await identity.close();
    await database.close();
  }
}

try {
  await program.parseAsync();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
