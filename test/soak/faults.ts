import { once } from 'node:events';
import type { ThrowAwayRedis } from '@countersign/test-kit';
import { Redis } from 'ioredis';
import { IDENTITIES, SERVICES } from '../chaos/town.js';
import type { IdentityName, Town } from '../chaos/town.js';
import type { Chance } from './chance.js';
import type { Part } from './disturbances.js';

/** One way to break an installation. */
export interface Fault {
  readonly name: string;
  /** What may answer 503, or not at all. Of everything else nobody may notice. */
  readonly parts: readonly Part[];
  begin(): Promise<unknown>;
  /** @returns once all that was broken is back */
  end(): Promise<unknown>;
}

/** Which processes are killed in a run. The others live from its start to its end, so that their growth can be seen. */
export interface Victims {
  readonly identity: IdentityName;
  readonly service: (typeof SERVICES)[number];
}

export function pickVictims(chance: Chance): Victims {
  return { identity: chance.pick(IDENTITIES), service: chance.pick(SERVICES) };
}

export function faultsOf(town: Town, redis: ThrowAwayRedis, victims: Victims): Fault[] {
  const { stack } = town;
  const nothing = async () => undefined;
  return [
    {
      name: `${victims.service} is killed`,
      parts: [victims.service],
      begin: () => stack.endApp(victims.service, 'SIGKILL'),
      end: () => stack.startApp(victims.service),
    },
    {
      name: `${victims.identity} is killed`,
      parts: ['identity'],
      begin: () => stack.endApp(victims.identity, 'SIGKILL'),
      end: () => town.startIdentity(victims.identity),
    },
    {
      name: 'Postgres is restarted',
      parts: ['identity'],
      begin: () => stack.postgres.halt(),
      end: () => stack.postgres.resume(),
    },
    {
      name: 'Redis hangs',
      parts: [],
      begin: async () => redis.freeze(),
      end: async () => redis.thaw(),
    },
    { name: 'Redis is flushed', parts: [], begin: () => flush(redis), end: nothing },
    {
      name: 'the feed is cut',
      parts: [],
      begin: async () => town.road.closeTo(({ path }) => path.startsWith('/revocations')),
      end: async () => town.road.openToAll(),
    },
  ];
}

async function flush(redis: ThrowAwayRedis): Promise<void> {
  const client = new Redis({ host: '127.0.0.1', port: redis.port, lazyConnect: true });
  await client.connect();
  await client.flushall();
  client.disconnect();
  await once(client, 'end');
}
