import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../../test/identity-under-test.js';
import { startServing } from '../../../test/serving-identity.js';
import type { ServingIdentity } from '../../../test/serving-identity.js';
import { Accounts } from '../../accounts/accounts.js';
import { KeyRing } from '../../signing-keys/key-ring.js';
import { Sessions } from '../sessions.js';

jest.setTimeout(120_000);
let serving: ServingIdentity | undefined;
afterAll(async () => {
  await serving?.stop();
  await stopReplicas();
});

it('of many who come at once, those beyond the pace are told when to come again, and nobody loses a session', async () => {
  const replica = await startReplica();
  await replica.get(KeyRing).load();
  const account = await replica.get(Accounts).addVerified('a@example.test', 'unused', ['customer']);
  const sessions = replica.get(Sessions);
  const client = await sessions.signInClient();
  const details = { client, delivery: 'bearer', remember: false } as const;
  const begin = () =>
    sessions.begin(account, { ...details, deviceName: null, userAgent: null, ip: null });
  const begun = await Promise.all(Array.from({ length: 12 }, begin));
  const { public: origin } = (serving = await startServing(replica.databaseUrl, {
    REFRESHES_PER_SECOND: '3',
  }));

  const refresh = (token: string | null) =>
    fetch(`${origin}/auth/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(token === null ? {} : { refresh_token: token }),
    });
  const junk = [null, 'junk', `${randomUUID()}.0.${'A'.repeat(43)}`];
  for (let n = 0; n < 30; n += 1) {
    expect((await refresh(junk[n % junk.length] ?? null)).status).toBe(401);
  }
  const waits: number[] = [];
  const statuses = await Promise.all(
    begun.map(async ({ refreshToken }) => {
      for (;;) {
        const answer = await refresh(refreshToken);
        const body = (await answer.json()) as { code?: string };
        if (answer.status !== 503) return answer.status;
        expect(body.code).toBe('overloaded');
        const wait = Number(answer.headers.get('retry-after'));
        waits.push(wait);
        await delay(wait * 1000);
      }
    }),
  );
  expect(statuses).toEqual(begun.map(() => 200));
  expect(waits.length).toBeGreaterThan(2);
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...waits)).toBeGreaterThan(1);
});
