import type { EntityManager } from 'typeorm';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Database } from './database.js';

afterAll(stopReplicas);

const ways: Record<
  string,
  (database: Database, work: (tx: EntityManager) => Promise<void>) => Promise<void>
> = {
  transaction: (database, work) => database.transaction(work),
  brief: (database, work) =>
    database.brief('SELECT 1', async (tx) => {
      await work(tx);
      return { result: undefined };
    }),
};

it.each(Object.keys(ways))(
  'what a %s was given up in is not committed by the next one on its connection',
  async (way) => {
    const { database } = await startReplica();
    await database.run((manager) => manager.query(`CREATE TABLE written (n integer)`));
    let backend = 0;
    const givenUp = ways[way]!(database, async (tx) => {
      const [row] = await tx.query<[{ pid: number }]>(`SELECT pg_backend_pid() AS pid`);
      backend = row.pid;
      process.kill(backend, 'SIGSTOP');
      await tx.query(`INSERT INTO written VALUES (1)`);
    });
    await expect(givenUp).rejects.toMatchObject({ code: 'database_unavailable' });
    process.kill(backend, 'SIGCONT');
    for (let n = 0; n < 20; n += 1) {
      await ways[way]!(database, async (tx) => {
        await tx.query(`INSERT INTO written VALUES (2)`);
      });
    }
    const [{ lost, kept }] = await database.run((manager) =>
      manager.query<[{ lost: number; kept: number }]>(
        `SELECT count(*) FILTER (WHERE n = 1)::integer AS lost, count(*) FILTER (WHERE n = 2)::integer AS kept FROM written`,
      ),
    );
    expect({ lost, kept }).toEqual({ lost: 0, kept: 20 });
  },
);
