// Loads all of identity, so commands import it when they run: the others start sooner.
import { ConfigurationError, createLogger, createMetrics } from '@countersign/service-host';
import { Accounts } from '../accounts/accounts.js';
import type { Role } from '../accounts/roles.js';
import { AuditLog } from '../audit/audit-log.js';
import { loadConfig, loadDatabaseUrl } from '../config/identity-config.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { createIdentityDataSource } from '../identity-data-source.js';
import { Operators } from '../operators/operators.js';
import { Database } from '../platform/database.js';
import { RandomIds } from '../platform/ids.js';
import { SystemClock } from '../platform/system-clock.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { createIdentityContext, openDatabase } from '../start-identity.js';
import type { CliSurroundings } from './cli-context.js';
import { CliFailure } from './cli-failure.js';

type Environment = CliSurroundings['env'];

const POOL_SIZE = 2;

/**
 * Brings the schema up to date.
 *
 * @returns the names of the migrations that it applied
 */
export function migrate(env: Environment): Promise<string[]> {
  return explained(async () => {
    const source = createIdentityDataSource(loadDatabaseUrl(env), POOL_SIZE);
    await source.initialize();
    try {
      const applied = await source.runMigrations({ transaction: 'each' });
      return applied.map(({ name }) => name);
    } finally {
      await source.destroy();
    }
  });
}

/** Lends the operators of the database, which is all that this needs. */
export function withOperators<T>(
  env: Environment,
  work: (operators: Operators) => Promise<T>,
): Promise<T> {
  return explained(async () => {
    const database = new Database(createIdentityDataSource(loadDatabaseUrl(env), POOL_SIZE));
    await openDatabase(database);
    try {
      return await work(new Operators(database, new RandomIds(), new AuditLog(database)));
    } finally {
      await database.close();
    }
  });
}

/** Makes a verified account. Takes the settings of the service. @returns its id */
export function addAccount(
  env: Environment,
  email: string,
  password: string,
  role: Role,
): Promise<string> {
  return explained(async () => {
    const config = loadConfig(env);
    const database = new Database(createIdentityDataSource(config.DATABASE_URL, POOL_SIZE));
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
      return await identity
        .get(Accounts)
        .addVerified(email, await passwords.hash(password), [role]);
    } finally {
      passwords.close();
      await identity.close();
      await database.close();
    }
  });
}

/** A fault of the settings is a fault of who gave the command. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new CliFailure('usage', 'configuration', error.message, { cause: error });
  }
}
