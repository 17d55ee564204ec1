import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { EntityManager } from 'typeorm';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Database } from './database.js';

afterAll(stopReplicas);

/** As pg has it inside. */
type Client = EventEmitter & { readonly connection: { readonly stream: Socket } };

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
    const client = (await tx.queryRunner!.connect()) as Client;
    client.connection.stream.destroy();
  },
};

describe.each(Object.keys(ways))('the connection of %s', (way) => {
  it.each(Object.keys(HOW))('%s: what it was lost in is answered 503, not 500', async (how) => {
    const { database } = await startReplica();
    const lost = ways[way]!(database, async (tx) => {
      const client = (await tx.queryRunner!.connect()) as Client;
      const hasHeard = new Promise((resolve) => client.once('error', resolve));
      await HOW[how]!(tx, database);
      await hasHeard;
    });
    await expect(lost).rejects.toMatchObject({ code: 'database_unavailable' });
    await ways[way]!(database, () => Promise.resolve());
  });
});

it.each(Object.keys(ways))('a fault of ours in %s is none of the database', async (way) => {
  const { database } = await startReplica();
  const fault = new TypeError('a fault of ours');
  const work = () => Promise.reject(fault);
  await expect(ways[way]!(database, work)).rejects.toBe(fault);
  const cutToo = async (tx: EntityManager) => {
    // It is lost while the fault is rolled back.
    setImmediate(() => void HOW['is cut']!(tx, database));
    await work();
  };
  await expect(ways[way]!(database, cutToo)).rejects.toBe(fault);
});
