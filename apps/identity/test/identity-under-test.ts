import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, createMetrics } from '@countersign/service-host';
import { startThrowAwayPostgres } from '@countersign/test-kit';
import type { ThrowAwayPostgres } from '@countersign/test-kit';
import type { Abstract, INestApplicationContext, Type } from '@nestjs/common';
import { loadConfig } from '../src/config/identity-config.js';
import { createIdentityDataSource } from '../src/identity-data-source.js';
import { Database } from '../src/platform/database.js';
import { RandomIds } from '../src/platform/ids.js';
import { SystemClock } from '../src/platform/system-clock.js';
import { MasterKeys } from '../src/sealing/master-keys.js';
import { createIdentityContext } from '../src/start-identity.js';

export const TEST_MASTER_KEYS = `k1 ${Buffer.alloc(32, 1).toString('base64url')}\n`;

/** One replica of identity without listeners, on a database of its own or on that of another replica. */
export interface Replica {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly mailDir: string;
  get<T>(token: Type<T> | Abstract<T>): T;
  close(): Promise<void>;
}

let postgres: ThrowAwayPostgres | undefined;
const open: Replica[] = [];

/** Starts a replica; the first one of a file that brings no database starts the server. */
export async function startReplica(
  options: {
    databaseUrl?: string;
    masterKeys?: string;
    redisUrl?: string;
    settings?: Readonly<Record<string, string>>;
  } = {},
): Promise<Replica> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase());
  const mailDir = mkdtempSync(join(tmpdir(), 'identity-mail-'));
  const config = loadConfig({
    ISSUER_URL: 'http://localhost:8080',
    SERVICE_URL: 'http://localhost:3005',
    DATABASE_URL: databaseUrl,
    MASTER_KEY_FILE: 'unused',
    RELYING_SERVICES_FILE: 'unused',
    MAIL_DIR: mailDir,
    DATABASE_POOL_SIZE: '30',
    ARGON2_MEMORY_KIB: '19456',
    ARGON2_PASSES: '2',
    PASSWORD_HASH_QUEUE: '4',
    REDIS_URL: options.redisUrl,
    ...options.settings,
  });
  const database = new Database(createIdentityDataSource(databaseUrl, config.DATABASE_POOL_SIZE));
  await database.source.initialize();
  await database.source.runMigrations();
  const identity: INestApplicationContext = await createIdentityContext({
    config,
    logger: createLogger({ name: 'identity', level: 'fatal', format: 'json' }),
    metrics: createMetrics(),
    clock: new SystemClock(),
    ids: new RandomIds(),
    database,
    masterKeys: MasterKeys.parse(options.masterKeys ?? TEST_MASTER_KEYS),
  });
  const replica: Replica = {
    databaseUrl,
    database,
    mailDir,
    get: (token) => identity.get(token),
    async close() {
      await identity.close();
      await database.close();
      await rm(mailDir, { recursive: true, force: true });
    },
  };
  open.push(replica);
  return replica;
}

async function createDatabase(): Promise<string> {
  postgres ??= await startThrowAwayPostgres();
  return postgres.createDatabase();
}

/** Ends every replica of this file, and the database server. For `afterAll`. */
export async function stopReplicas(): Promise<void> {
  for (const replica of open.splice(0)) await replica.close();
  await postgres?.stop();
}
