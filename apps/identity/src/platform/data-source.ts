import { DataSource } from 'typeorm';
import type { EntityTarget, MigrationInterface } from 'typeorm';

export interface DataSourceOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly entities: readonly EntityTarget<object>[];
  readonly migrations: readonly (new () => MigrationInterface)[];
}

/** The connection pool. Statements are bounded in time, so that a stuck one cannot hold a connection for ever. */
export function createDataSource({
  url,
  poolSize,
  entities,
  migrations,
}: DataSourceOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities: [...entities] as never,
    migrations: [...migrations],
    migrationsTableName: 'schema_migrations',
    synchronize: false,
    logging: false,
    applicationName: 'countersign identity',
    connectTimeoutMS: 5_000,
    poolSize,
    extra: {
      // The server ends a statement that takes too long; a server that does not answer at all is given up on.
      statement_timeout: 4_000,
      query_timeout: 5_000,
      idle_in_transaction_session_timeout: 15_000,
      idleTimeoutMillis: 60_000,
    },
    // The pool's own errors (a lost idle connection) come back with the next statement.
    poolErrorHandler: () => undefined,
  });
}
