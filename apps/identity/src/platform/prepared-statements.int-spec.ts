import { startThrowAwayPostgres } from '@countersign/test-kit';
import type { ThrowAwayPostgres } from '@countersign/test-kit';
import { createIdentityDataSource } from '../identity-data-source.js';
import { Database, prepared } from './database.js';

let postgres: ThrowAwayPostgres;
/** With a single connection, so that each request has the one of the last, if that was kept. */
let database: Database;
beforeAll(async () => {
  postgres = await startThrowAwayPostgres();
});
beforeEach(async () => {
  database = new Database(createIdentityDataSource(await postgres.createDatabase(), 1));
  await database.source.initialize();
});
afterEach(() => database.close());
afterAll(() => postgres.stop());

const READING = { name: 'things', text: 'SELECT n FROM things WHERE name = $1', values: ['a'] };

/** Ways to read what a connection keeps prepared; each answers its backend too. */
const ways: Record<string, () => Promise<{ rows: unknown; pid: number }>> = {
  'brief, with its opening': () =>
    database.brief(
      'SELECT 1',
      async (tx, rows) => {
        const [{ pid }] = await tx.query<[{ pid: number }]>(`SELECT pg_backend_pid() AS pid`);
        return { result: { rows, pid } };
      },
      READING,
    ),
  transaction: () =>
    database.transaction(async (tx) => {
      const [{ pid }] = await tx.query<[{ pid: number }]>(`SELECT pg_backend_pid() AS pid`);
      return { rows: await prepared(tx, READING), pid };
    }),
  'single statement': () =>
    database.run(async (manager) => {
      const [{ pid }] = await manager.query<[{ pid: number }]>(`SELECT pg_backend_pid() AS pid`);
      return { rows: await prepared(manager, READING), pid };
    }),
};

/** What makes a kept plan useless, and what is read afterwards. */
const changes: readonly [string, string, unknown][] = [
  ['its result has another type', `ALTER TABLE things ALTER n TYPE text`, '1'],
  ['it was forgotten', `DEALLOCATE ALL`, 1],
];

it.each(Object.keys(ways).flatMap((way) => changes.map((change) => [way, ...change] as const)))(
  '%s: a connection whose prepared statement is of no use (%s) is closed, and the next request has another',
  async (way, _why, change, after) => {
    await database.run(async (manager) => {
      await manager.query(`CREATE TABLE things (name text, n integer)`);
      await manager.query(`INSERT INTO things VALUES ('a', 1)`);
    });
    const read = () => ways[way]!();
    const before = await read();
    // From now on it is there already.
    expect(await read()).toEqual({ rows: [{ n: 1 }], pid: before.pid });
    await database.run((manager) => manager.query(change));
    await expect(read()).rejects.toMatchObject({ code: 'database_unavailable' });
    const next = await read();
    expect(next.rows).toEqual([{ n: after }]);
    expect(next.pid).not.toBe(before.pid);
  },
);
