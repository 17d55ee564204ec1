// Loads all of identity, so commands import it when they run: the others start sooner.
import { ConfigurationError, createLogger, createMetrics } from '@countersign/service-host';
import { Accounts } from '../accounts/accounts.js';
import type { Role } from '../accounts/roles.js';
import { AuditLog, CONSOLE_ACTOR } from '../audit/audit-log.js';
import { openAuditKey } from '../audit/audit-chain-key.js';
import { verifyAuditLog } from '../audit/audit-verification.js';
import type { AuditVerdict, VerificationOptions } from '../audit/audit-verification.js';
import {
  loadConfig,
  loadDatabaseUrl,
  loadMasterKeySettings,
  loadMigrationUrl,
} from '../config/identity-config.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { createIdentityDataSource } from '../identity-data-source.js';
import { MasterKeysOutOfOrder } from '../master-key/master-key-order.js';
import { MasterKeyRegistry } from '../master-key/master-key-registry.js';
import { MasterKeyRotation, RotationIncomplete } from '../master-key/master-key-rotation.js';
import { SecretReplacement } from '../master-key/secret-replacement.js';
import { Operators } from '../operators/operators.js';
import { RoleChanges } from '../operators/role-changes.js';
import { Database, isConnectionFault } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { RandomIds } from '../platform/ids.js';
import { SystemClock } from '../platform/system-clock.js';
import { EpochRaising } from '../revocation/epoch-raising.js';
import type { RaisedEpoch, RaiseOptions } from '../revocation/epoch-raising.js';
import { readLostTime } from '../revocation/lost-time.js';
import type { LostTime } from '../revocation/lost-time.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { REPLACED_SECRETS } from '../replaced-secrets.js';
import { SEALED_COLUMNS } from '../sealed-columns.js';
import { grantServiceRights, UnfitRole } from '../service-rights.js';
import { MasterKeys, UnusableMasterKeys } from '../sealing/master-keys.js';
import { UnsealFailed } from '../sealing/sealed.js';
import { countSessions, endAllSessions } from '../sessions/end-sessions.js';
import { KeyImport } from '../signing-keys/key-import.js';
import type { ImportedKey } from '../signing-keys/key-import.js';
import { readPrivateKey, UnusablePrivateKey } from '../signing-keys/private-key-text.js';
import { createIdentityContext, requireSchema } from '../start-identity.js';
import type { DataSource } from 'typeorm';
import type { CliSurroundings } from './cli-context.js';
import { CliFailure } from './cli-failure.js';

type Environment = CliSurroundings['env'];

const POOL_SIZE = 2;
/** SQLSTATE insufficient_privilege. */
const NOT_ALLOWED = '42501';

/**
 * Brings the schema up to date.
 *
 * @param serviceRole is given the rights of the service then
 * @returns the names of the migrations that it applied
 */
export function migrate(env: Environment, serviceRole?: string): Promise<string[]> {
  return explained(async () => {
    const source = createIdentityDataSource(loadMigrationUrl(env), POOL_SIZE);
    await connect(source);
    try {
      const applied = await source.runMigrations({ transaction: 'each' });
      if (serviceRole !== undefined) await grantServiceRights(source, serviceRole);
      return applied.map(({ name }) => name);
    } catch (error) {
      throw (error as { code?: unknown }).code === NOT_ALLOWED ? notTheOwner(error) : error;
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
  return withDatabase(env, (database) =>
    work(new Operators(database, new RandomIds(), new AuditLog(database))),
  );
}

/** Gives a role to the account with this address. @throws {DomainError} `unknown_account` */
export function giveRole(
  env: Environment,
  email: string,
  role: Role,
): Promise<{ id: string; roles: readonly Role[]; sessions: number }> {
  return withDatabase(env, async (database) => {
    const account = await new Accounts(database, new RandomIds()).findByEmail(email);
    if (!account) throw new DomainError('unknown_account', 'no account has this address');
    const changes = new RoleChanges(database, new RevocationLog(database), new AuditLog(database));
    return { id: account.id, ...(await changes.give(account.id, role)) };
  });
}

/** What a new epoch would end. */
export interface EpochPreview {
  readonly epoch: number;
  readonly head: number;
  readonly sessions: number;
  readonly lostTime: LostTime | undefined;
}

/** What the command line does with epochs. */
export interface EpochWork {
  readonly preview: () => Promise<EpochPreview>;
  readonly raise: (
    options: Pick<RaiseOptions, 'keepSessions' | 'above' | 'note'>,
  ) => Promise<RaisedEpoch>;
}

/** Lends the epochs of the database. Takes no other settings: identity may not be installed whole when it is restored. */
export function withEpochs<T>(
  env: Environment,
  work: (epochs: EpochWork) => Promise<T>,
): Promise<T> {
  return withDatabase(env, (database) => {
    const log = new RevocationLog(database);
    const logger = createLogger({ name: 'countersign', level: 'fatal', format: 'json' });
    const raising = new EpochRaising(database, log, new AuditLog(database), logger);
    raising.whenHistoryIsLost(endAllSessions);
    return work({
      async preview() {
        const { epoch, seq } = await log.head();
        const { sessions } = await database.run((manager) => countSessions(manager, {}));
        const lostTime = await database.run(readLostTime);
        return { epoch, head: seq, sessions, lostTime };
      },
      async raise(options) {
        const raised = await raising.raise('operator', { ...options, actor: CONSOLE_ACTOR });
        if (!raised) throw new TypeError('nothing kept the epoch from being raised');
        return raised;
      },
    });
  });
}

/** Walks along the audit log in the database, by the key that the master key opens. */
export function verifyAudit(env: Environment, options: VerificationOptions): Promise<AuditVerdict> {
  return explained(() => {
    const masterKeys = MasterKeys.fromSettings(loadMasterKeySettings(env));
    return withDatabase(env, async (database) => {
      // Without a key nothing has been sealed, or it was taken away: then nothing that was sealed holds.
      const key = (await openAuditKey(database, masterKeys)) ?? Buffer.alloc(32);
      return verifyAuditLog(database, key, options);
    });
  });
}

/** What is done about master keys. */
export interface MasterKeyWork {
  readonly rotation: MasterKeyRotation;
  readonly replacement: SecretReplacement;
  /** The master keys of the environment, which are read when they are wanted. */
  readonly readKeys: () => MasterKeys;
}

/** Lends what is done about master keys. */
export function withMasterKeys<T>(
  env: Environment,
  work: (masterKeyWork: MasterKeyWork) => Promise<T>,
): Promise<T> {
  return withDatabase(env, (database) => {
    const registry = new MasterKeyRegistry(database, SEALED_COLUMNS);
    const audit = new AuditLog(database);
    const rotation = new MasterKeyRotation(database, registry, SEALED_COLUMNS, audit);
    const replacement = new SecretReplacement(database, REPLACED_SECRETS, audit);
    const readKeys = () => MasterKeys.fromSettings(loadMasterKeySettings(env));
    return work({ rotation, replacement, readKeys });
  });
}

/** Imports a private key. Seals it in this process: it goes nowhere in clear. */
export function importKey(env: Environment, text: string, dryRun: boolean): Promise<ImportedKey> {
  return explained(async () => {
    const privateKey = readPrivateKey(text);
    const masterKeys = MasterKeys.fromSettings(loadMasterKeySettings(env));
    return withDatabase(env, async (database) => {
      if (!dryRun) await new MasterKeyRegistry(database, SEALED_COLUMNS).admit(masterKeys);
      const keyImport = new KeyImport(database, masterKeys, new AuditLog(database));
      return keyImport.import(CONSOLE_ACTOR, privateKey, dryRun);
    });
  });
}

/** Lends the database, whose schema is up to date. */
function withDatabase<T>(env: Environment, work: (database: Database) => Promise<T>): Promise<T> {
  return explained(async () => {
    const database = new Database(createIdentityDataSource(loadDatabaseUrl(env), POOL_SIZE));
    await connect(database.source);
    try {
      await requireSchema(database);
      return await work(database);
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
    await connect(database.source);
    await requireSchema(database);
    const identity = await createIdentityContext({
      config,
      logger: createLogger({ name: 'countersign', level: 'warn', format: config.LOG_FORMAT }),
      metrics: createMetrics(),
      clock: new SystemClock(),
      ids: new RandomIds(),
      database,
      masterKeys: MasterKeys.fromSettings(config),
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

function notTheOwner(cause: unknown): CliFailure {
  const message =
    'this database role may not change the schema: set MIGRATION_DATABASE_URL to the URL of the role that owns the tables';
  return new CliFailure('usage', 'configuration', message, { cause });
}

async function connect(source: DataSource): Promise<void> {
  try {
    await source.initialize();
  } catch (error) {
    const why = (error as Error).message || String((error as { code?: unknown }).code);
    const message = `DATABASE_URL: no connection to the database: ${why}`;
    throw isConnectionFault(error)
      ? new CliFailure('unavailable', 'database_unavailable', message, { cause: error })
      : new CliFailure('usage', 'configuration', message, { cause: error });
  }
}

/** A fault of the settings is a fault of who gave the command; a database that goes away meanwhile is away. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (
      error instanceof ConfigurationError ||
      error instanceof UnusableMasterKeys ||
      error instanceof UnsealFailed
    ) {
      throw new CliFailure('usage', 'configuration', error.message, { cause: error });
    }
    if (error instanceof UnusablePrivateKey) {
      throw new CliFailure('usage', 'unusable_private_key', error.message, { cause: error });
    }
    if (error instanceof UnfitRole) {
      throw new CliFailure('refused', 'unfit_role', error.message, { cause: error });
    }
    if (error instanceof MasterKeysOutOfOrder) {
      throw new CliFailure('refused', 'master_keys_out_of_order', error.message, { cause: error });
    }
    if (error instanceof RotationIncomplete) {
      throw new CliFailure('wrong', 'rotation_incomplete', error.message, { cause: error });
    }
    if (isConnectionFault(error)) {
      throw new CliFailure('unavailable', 'database_unavailable', (error as Error).message, {
        cause: error,
      });
    }
    throw error;
  }
}
