import { traced } from '@countersign/service-host';
import pg from 'pg';
import type { Pool, PoolClient, QueryResult } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { DomainError } from './domain-error.js';

/**
 * The database is away or too slow: SQLSTATE classes 08, 53, 57P, a statement that took too long, and what sockets say; or it cannot be
 * written, as a standby; or the connection has lost what it had prepared (26000).
 */
const CONNECTION_FAULT =
  /^(08|53|57P|57014|25P03|25006|26000)|^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;

/** A statement that every connection keeps prepared under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** As texts, whatever the type of the parameter. */
  readonly values: readonly (string | null)[];
}

/** The database: every statement of identity goes through here. */
export class Database {
  /** Which statements a connection has prepared. */
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
   * The same in two round trips, for what is done all the time: `opening` and `reading` go with the BEGIN, `closing` with the COMMIT.
   * In between, use {@link prepared} and statements of your own; `save()` and its like would begin a transaction themselves.
   *
   * @param opening SQL that needs no parameters
   * @param work is given the rows of `reading`, and those of the last statement of `opening`
   * @param reading is a statement after the opening: it sees what was committed until then
   */
  brief<T>(
    opening: string,
    work: (
      tx: EntityManager,
      rows: readonly object[],
      opened: readonly object[],
    ) => Promise<{ readonly result: T; readonly closing?: readonly Statement[] }>,
    reading?: Statement,
  ): Promise<T> {
    return this.#onConnection(async (runner, connection) => {
      const begin = `BEGIN ISOLATION LEVEL READ COMMITTED; ${opening}`;
      const results = await this.#send(connection, reading ? [begin, reading] : [begin]);
      const rows = reading ? (results.pop() ?? []) : [];
      const { result, closing = [] } = await work(runner.manager, rows, results.pop() ?? []);
      await this.#send(connection, [...closing, 'COMMIT']);
      return result;
    });
  }

  /**
   * Runs `work`, which begins a transaction and commits it, on a connection of its own. When it fails the transaction is rolled back;
   * where nobody can say whether it was, the connection is closed: a statement that was given up may still be carried
   * out, and the next transaction on it would commit that too. A connection that is lost between two statements is an outage like any other.
   */
  #onConnection<T>(work: (runner: QueryRunner, connection: PoolClient) => Promise<T>): Promise<T> {
    return this.#guard('database transaction', async () => {
      const runner = this.source.createQueryRunner();
      try {
        const connection = (await runner.connect()) as PoolClient;
        let lost: Error | undefined;
        const note = (error: Error) => void (lost ??= error);
        connection.on('error', note);
        try {
          return await work(runner, connection);
        } catch (error) {
          const cause = lost;
          if (isConnectionFault(error) || !(await isRolledBack(connection))) close(connection);
          throw cause && isOfLostConnection(error) ? unavailable(cause) : error;
        } finally {
          connection.off('error', note);
        }
      } finally {
        await runner.release();
      }
    });
  }

  /**
   * Sends all of `parts` in one go; the first time on a connection, one by one, so that they are prepared.
   *
   * @returns the rows of each statement
   */
  async #send(
    connection: PoolClient,
    parts: readonly (string | Statement)[],
  ): Promise<(readonly object[])[]> {
    const known = this.#prepared.get(connection) ?? new Set<string>();
    if (parts.every((part) => typeof part === 'string' || known.has(part.name))) {
      const text = parts.map((part) => (typeof part === 'string' ? part : executing(part)));
      return rowsOf(await connection.query(text.join('; ')));
    }
    const rows: (readonly object[])[] = [];
    for (const part of parts) {
      const query = typeof part === 'string' ? part : { ...part, values: [...part.values] };
      rows.push(...rowsOf(await connection.query(query)));
      if (typeof part !== 'string') this.#prepared.set(connection, known.add(part.name));
    }
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
      throw isConnectionFault(error) ? unavailable(error) : error;
    }
  }
}

/** What TypeORM says to the next statement on a connection that was lost. Without such a loss it is a fault of ours. */
function isOfLostConnection(error: unknown): boolean {
  return error instanceof Error && /^QueryRunner(Provider)?AlreadyReleasedError$/.test(error.name);
}

const unavailable = (cause: unknown) =>
  new DomainError('database_unavailable', undefined, { cause });

async function isRolledBack(connection: PoolClient): Promise<boolean> {
  try {
    await connection.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

/** Of several statements there is a list of results, of one a single one. */
function rowsOf(results: unknown): (readonly object[])[] {
  return ([results].flat() as QueryResult<object>[]).map(({ rows }) => rows);
}

/** Has a connection run what it has prepared. */
function executing({ name, values }: Statement): string {
  const literals = values.map((value) => (value === null ? 'NULL' : pg.escapeLiteral(value)));
  return `EXECUTE ${pg.escapeIdentifier(name)}(${literals.join(', ')})`;
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
    /connection terminated|timeout exceeded when trying to connect|query read timeout|is not queryable/i.test(
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
  { name, text, values }: Omit<Statement, 'values'> & { readonly values: readonly unknown[] },
): Promise<Row[]> {
  const connection = manager.queryRunner
    ? ((await manager.queryRunner.connect()) as PoolClient)
    : poolOf(manager);
  return (await connection.query<Row>({ name, text, values: [...values] })).rows;
}

function poolOf({ dataSource }: EntityManager): Pool {
  return (dataSource.driver as PostgresDriver).master as Pool;
}
