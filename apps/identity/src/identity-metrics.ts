import { Gauge } from '@countersign/service-host';
import type { Registry } from '@countersign/service-host';
import type { INestApplicationContext } from '@nestjs/common';
import { PasswordHasher } from './credentials/password-hasher.js';
import { Clock } from './platform/clock.js';
import { Database } from './platform/database.js';
import { ServiceInstances } from './relying-services/service-instances.js';
import type { InstanceState } from './relying-services/service-instances.js';
import { RevocationFeed } from './revocation/revocation-feed.js';
import { KeyRing } from './signing-keys/key-ring.js';

const INSTANCE_STATES = [
  'current',
  'behind',
  'silent',
  'starting',
] as const satisfies InstanceState[];

/** What is measured of identity as a whole; features count their own doings. Without the database its figures are left out. */
export function measureIdentity(metrics: Registry, identity: INestApplicationContext): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers: [metrics],
      async collect() {
        this.set(await Promise.resolve(read()).catch(() => Number.NaN));
      },
    });
  const feed = identity.get(RevocationFeed);
  const passwords = identity.get(PasswordHasher);
  const keyRing = identity.get(KeyRing);
  gauge(
    'countersign_feed_subscribers',
    'Readers of the revocation feed, this process included',
    () => feed.subscribers,
  );
  gauge(
    'countersign_password_hashes_waiting',
    'Password hashes waiting for a process',
    () => passwords.queued,
  );
  gauge('countersign_signing_key_age_seconds', 'Time since the key that signs began to', () =>
    keyRing.activeForSeconds(),
  );
  gauge(
    'countersign_next_key_change_seconds',
    'Time until the published keys may change; infinite when nothing is in sight',
    () => keyRing.nextChangeInSeconds(),
  );
  const [database, clock] = [identity.get(Database), identity.get(Clock)];
  gauge(
    'countersign_clock_offset_seconds',
    "This machine's clock minus that of the database, give or take half of a round trip",
    () => clockOffset(database, clock),
  );
  measureServices(metrics, identity.get(ServiceInstances));
}

async function clockOffset(database: Database, clock: Clock): Promise<number> {
  const before = clock.now().getTime();
  const [row] = await database.run((manager) =>
    manager.query<[{ ms: number }]>(
      `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms`,
    ),
  );
  return ((before + clock.now().getTime()) / 2 - row.ms) / 1000;
}

function measureServices(metrics: Registry, services: ServiceInstances): void {
  const lag = new Gauge({
    name: 'countersign_service_lag_seconds',
    help: 'Age of the oldest revocation that some live instance of a relying service has not reported',
    labelNames: ['service'],
    registers: [metrics],
  });
  new Gauge({
    name: 'countersign_service_instances',
    help: 'Live instances of each relying service, by how they stand',
    labelNames: ['service', 'state'],
    registers: [metrics],
    async collect() {
      this.reset();
      lag.reset();
      const overview = await services.overview().catch(() => []);
      for (const { id: service, instances } of overview) {
        lag.set({ service }, Math.max(0, ...instances.map(({ lagSeconds }) => lagSeconds)));
        for (const state of INSTANCE_STATES) {
          const count = instances.filter((instance) => instance.state === state).length;
          this.set({ service, state }, count);
        }
      }
    },
  });
}
