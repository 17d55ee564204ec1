import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Database } from './database.js';

afterAll(stopReplicas);

const ways: Record<
  string,
  (database: Database, work: (tx: EntityManager) => Promise<void>) => Promise<void>
> = {
  'a transaction, before its next statement': (database, work) =>
    database.transaction(async (tx) => {
      await work(tx);
      await tx.query('SELECT 1');
    }),
  'a transaction, before its commit': (database, work) => database.transaction(work),
  'a brief one, before its next statement': (database, work) =>
    database.brief('SELECT 1', async (tx) => {
      await work(tx);
      await tx.query('SELECT 1');
      return { result: undefined };
    }),
  'a brief one, before its commit': (database, work) =>
    database.brief('SELECT 1', async (tx) => {
      await work(tx);
      return { result: undefined };
    }),
};

const HOW: Record<string, (tx: EntityManager, database: Database) => Promise<void>> = {
  async 'is ended by the database'(tx, database) {
    const [row] = await tx.query<[{ pid: number }]>(`SELECT pg_backend_pid() AS pid`);
    await database.run((other) => other.query(`SELECT pg_terminate_backend($1)`, [row.pid]));
  },
  async 'is cut'(tx) {
    const client = (await tx.queryRunner!.connect()) as { connection: { stream: Socket } };
    client.connection.stream.destroy();
  },
};

describe.each(Object.keys(ways))('the connection of %s', (way) => {
  it.each(Object.keys(HOW))('%s: what it was lost in is answered 503, not 500', async (how) => {
    const { database } = await startReplica();
    const lost = ways[way]!(database, async (tx) => {
      await HOW[how]!(tx, database);
      // Until the client has heard of it.
      await delay(200);
    });
    await expect(lost).rejects.toMatchObject({ code: 'database_unavailable' });
    await ways[way]!(database, () => Promise.resolve());
  });
});
