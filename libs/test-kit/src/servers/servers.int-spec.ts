import { Redis } from 'ioredis';
import pg from 'pg';
import { startThrowAwayPostgres, startThrowAwayRedis } from './index.js';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    // On a connection that failed it would wait for two seconds, for nothing.
    if (redis.status !== 'end') redis.disconnect();
  }
}

it('a throw-away Postgres gives every caller an empty database, and leaves nothing', async () => {
  const postgres = await startThrowAwayPostgres();
  const another = await postgres.createDatabase();
  expect(another).not.toBe(postgres.url);
  await query(postgres.url, 'CREATE TABLE mine AS SELECT 1 AS one');
  await expect(query(another, 'SELECT * FROM mine')).rejects.toThrow(/does not exist/);
  await expect(query(another, 'CREATE ROLE other')).rejects.toThrow(/permission denied/);
  expect(await query(postgres.adminUrl, 'SHOW is_superuser')).toEqual([{ is_superuser: 'on' }]);

  await postgres.halt();
  await expect(query(postgres.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
  await postgres.resume();
  expect(await query(postgres.url, 'SELECT * FROM mine')).toEqual([{ one: 1 }]);

  await postgres.stop();
  await expect(query(postgres.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
});

it('a throw-away Postgres comes back as a standby, until it is promoted', async () => {
  const postgres = await startThrowAwayPostgres();
  await query(postgres.url, 'CREATE TABLE mine AS SELECT 1 AS one');
  await postgres.halt();
  await postgres.resumeAsStandby();
  expect(await query(postgres.url, 'SELECT * FROM mine')).toEqual([{ one: 1 }]);
  await expect(query(postgres.url, 'DELETE FROM mine')).rejects.toThrow(/read-only/);
  await query(postgres.adminUrl, 'SELECT pg_promote()');
  await query(postgres.url, 'DELETE FROM mine');
  await postgres.stop();
});

it('two throw-away servers do not meet', async () => {
  const both = await Promise.all([startThrowAwayRedis(), startThrowAwayRedis()]);
  expect(both[0].port).not.toBe(both[1].port);
  await Promise.all(both.map((redis) => redis.stop()));
});

it('a throw-away Redis comes back empty after it was away', async () => {
  const server = await startThrowAwayRedis();
  await withRedis(server.url, (redis) => redis.set('key', 'value'));
  expect(await withRedis(server.url, (redis) => redis.get('key'))).toBe('value');

  await server.halt();
  await expect(withRedis(server.url, (redis) => redis.get('key'))).rejects.toThrow();
  await server.resume();
  expect(await withRedis(server.url, (redis) => redis.get('key'))).toBeNull();
  await server.stop();
});

it('a missing redis-server is an error that says how to get it', async () => {
  await expect(startThrowAwayRedis({ program: 'no-such-redis-server' })).rejects.toThrow(
    /npm run test:setup/,
  );
});
