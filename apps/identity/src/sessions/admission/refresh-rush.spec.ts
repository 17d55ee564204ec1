import { jest } from '@jest/globals';
import { createLogger } from '@countersign/service-host';
import type { IdentityConfig } from '../../config/identity-config.js';
import { Database } from '../../platform/database.js';
import { RefreshRush } from './refresh-rush.js';

const logger = createLogger({ name: 'identity', level: 'fatal', format: 'json' });

function rushWith(run: Database['run'], graceSeconds = 10) {
  const database = Object.create(Database.prototype, { run: { value: run } }) as Database;
  return new RefreshRush(
    { REFRESH_GRACE_SECONDS: graceSeconds } as IdentityConfig,
    database,
    logger,
  );
}

it('a database that does not answer holds up nobody who is turned away', async () => {
  const run = jest.fn(() => new Promise<never>(() => undefined));
  const rush = rushWith(run);
  await Promise.all([rush.note(), rush.note()]);
  // They do not ask it each, either.
  expect(run).toHaveBeenCalledTimes(1);
});

it('it is said once in a while, and never where there is no grace', async () => {
  const run = jest.fn(() => Promise.resolve(undefined as never));
  const rush = rushWith(run);
  for (let n = 0; n < 5; n += 1) await rush.note();
  expect(run).toHaveBeenCalledTimes(1);
  const graceless = rushWith(run, 0);
  await graceless.note();
  expect(run).toHaveBeenCalledTimes(1);
});
