import { traced } from '@countersign/service-host';
import pg from 'pg';
import type { Pool, PoolClient, QueryConfig, QueryResult } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { DomainError } from './domain-error.js';

/**
 * The database is away or too slow: SQLSTATE classes 08, 53, 57P, a statement that took too long, and what sockets say; or it cannot be
 * written, as a standby; or the connection has lost what it had prepared (26000).
 */
const CONNECTION_FAULT =
  /^(08|53|57P|57014|25P03|25006|26000)|^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;

/** A statement with texts as parameters that every connection keeps prepared under its name. */
export interface Reading {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

/** The database: every statement of identity goes through here. */
export class Database {
  /** Which readings a connection has prepared. */
  readonly #prepared = new WeakMap<PoolClient, Set<string>>();

  constructor(readonly source: DataSource) {}

  /**
   * Runs `work` in one READ COMMITTED transaction.
   *
   * @throws {DomainError} `database_unavailable` when the database is away
   */
  transaction<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.#onConnection(async (runner) => {
      await runner.startTransaction('READ COMMITTED');
      const result = await work(runner.manager);
      await runner.commitTransaction();
      return result;
    });
  }

  /**
   * The same in fewer round trips, for what is done all the time: `opening` goes with the BEGIN, `closing` with the COMMIT. Inside,
   * use {@link prepared} and statements of your own; `save()` and its like would begin a transaction themselves.
   *
   * @param opening SQL that needs no parameters
   * @param work is given the rows of `reading`
   * @param reading goes with the opening too, as a statement after it: it sees what was committed until then
   */
  brief<T>(
    opening: string,
    work: (
      tx: EntityManager,
      rows: readonly object[],
    ) => Promise<{ readonly result: T; readonly closing?: string }>,
    reading?: Reading,
  ): Promise<T> {
    return this.#onConnection(async (runner, connection) => {
      const rows = await this.#open(connection, opening, reading);
      const { result, closing = '' } = await work(runner.manager, rows);
      await connection.query(`${closing}; COMMIT`);
      return result;
    });
  }

  /**
   * Runs `work`, which begins a transaction and commits it, on a connection of its own. When it fails the transaction is rolled back;
   * where nobody can say whether it was, the connection is closed: a statement that was given up may still be carried
   * out, and the next transaction on it would commit that too.
   */
  #onConnection<T>(work: (runner: QueryRunner, connection: PoolClient) => Promise<T>): Promise<T> {
    return this.#guard('database transaction', async () => {
      const runner = this.source.createQueryRunner();
      try {
        const connection = (await runner.connect()) as PoolClient;
        try {
          return await work(runner, connection);
        } catch (error) {
          if (isConnectionFault(error) || !(await isRolledBack(connection))) close(connection);
          throw error;
        }
      } finally {
        await runner.release();
      }
    });
  }

  /** @returns the rows of the reading, if there is one */
  async #open(
    connection: PoolClient,
    opening: string,
    reading: Reading | undefined,
  ): Promise<readonly object[]> {
    const begin = `BEGIN ISOLATION LEVEL READ COMMITTED; ${opening}`;
    const known = this.#prepared.get(connection) ?? new Set();
    if (reading && known.has(reading.name)) {
      const values = reading.values.map((value) => pg.escapeLiteral(value)).join(', ');
      const execute = `${begin}; EXECUTE ${pg.escapeIdentifier(reading.name)}(${values})`;
      // One result for each statement.
      const results = (await connection.query(
        execute,
      )) as unknown as readonly QueryResult<object>[];
      return results.at(-1)?.rows ?? [];
    }
    await connection.query(begin);
    if (!reading) return [];
    const { name, text, values } = reading;
    const { rows } = await connection.query<object>({ name, text, values: [...values] });
    this.#prepared.set(connection, known.add(name));
    return rows;
  }

  /** Runs single statements, each a transaction of its own. Same errors as {@link transaction}. */
  run<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#guard('database statements', () => work(this.source.manager));
  }

  async close(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy();
  }

  async #guard<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await traced(name, work, { 'db.system.name': 'postgresql' });
    } catch (error) {
      if (isConnectionFault(error)) {
        throw new DomainError('database_unavailable', undefined, { cause: error });
      }
      throw error;
    }
  }
}

async function isRolledBack(connection: PoolClient): Promise<boolean> {
  try {
    await connection.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

/** The pool drops a closed connection when it is given back. */
function close(connection: PoolClient): void {
  (connection as unknown as pg.Client).end().catch(() => undefined);
}

/** Whether an error says that the database or the connection is of no use, not that something is wrong with what was asked. */
export function isConnectionFault(error: unknown): boolean {
  const { code, message, routine } = error as Readonly<
    Record<'code' | 'message' | 'routine', unknown>
  >;
  // "Cached plan must not change result type", in whichever language; other unsupported features have this code too.
  if (code === '0A000') return routine === 'RevalidateCachedQuery';
  if (typeof code === 'string') return CONNECTION_FAULT.test(code);
  return (
    typeof message === 'string' &&
    /connection terminated|timeout exceeded when trying to connect|query read timeout/i.test(
      message,
    )
  );
}

/**
 * Runs a statement that each connection parses only once: in the transaction of `manager`, or else in one of its own.
 *
 * @returns its rows
 */
export async function prepared<Row extends object>(
  manager: EntityManager,
  statement: QueryConfig & { readonly name: string },
): Promise<Row[]> {
  const connection = manager.queryRunner
    ? ((await manager.queryRunner.connect()) as PoolClient)
    : poolOf(manager);
  return (await connection.query<Row>(statement)).rows;
}

function poolOf({ dataSource }: EntityManager): Pool {
  return (dataSource.driver as PostgresDriver).master as Pool;
}
