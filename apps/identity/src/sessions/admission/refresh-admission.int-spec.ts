import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../../test/identity-under-test.js';
import { startServing } from '../../../test/serving-identity.js';
import type { ServingIdentity } from '../../../test/serving-identity.js';
import { DEFAULT_CLIENT_ID } from '../../access-tokens/client.js';
import { Accounts } from '../../accounts/accounts.js';
import { KeyRing } from '../../signing-keys/key-ring.js';
import { Sessions } from '../sessions.js';

jest.setTimeout(120_000);
const serving: ServingIdentity[] = [];
afterAll(async () => {
  for (const one of serving) await one.stop();
  await stopReplicas();
});

/** Sessions of one account, and a way to start replicas that serve them. */
async function startWith(count: number) {
  const replica = await startReplica();
  await replica.get(KeyRing).load();
  const account = await replica.get(Accounts).addVerified('a@example.test', 'unused', ['customer']);
  const sessions = replica.get(Sessions);
  const details = { clientId: DEFAULT_CLIENT_ID, delivery: 'bearer', remember: false } as const;
  const begin = () =>
    sessions.begin(account, { ...details, deviceName: null, userAgent: null, ip: null });
  return {
    replica,
    begun: await Promise.all(Array.from({ length: count }, begin)),
    /** @returns its origin */
    serve: async (settings: Readonly<Record<string, string>>) => {
      const started = await startServing(replica.databaseUrl, settings);
      serving.push(started);
      return started.public;
    },
  };
}
const refreshAt = (origin: string, token: string | null) =>
  fetch(`${origin}/auth/refresh`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(token === null ? {} : { refresh_token: token }),
  });
const successorIn = async (answer: Response) =>
  ((await answer.json()) as { refresh_token: string }).refresh_token;

it('of many who come at once, those beyond the pace are told when to come again, and nobody loses a session', async () => {
  const { begun, serve } = await startWith(12);
  const origin = await serve({ REFRESHES_PER_SECOND: '3' });
  const refresh = (token: string | null) => refreshAt(origin, token);
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

it('a wait that is far shorter than the grace makes the grace no longer', async () => {
  const { replica, begun, serve } = await startWith(4);
  const rush = () =>
    replica.database.run((manager) => manager.query(`SELECT since, until FROM refresh_rush`));
  const before = await rush();
  const origin = await serve({ REFRESHES_PER_SECOND: '2', REFRESH_GRACE_SECONDS: '10' });
  const answers = await Promise.all(
    begun.map(({ refreshToken }) => refreshAt(origin, refreshToken)),
  );
  const waits = answers.map(({ headers }) => Number(headers.get('retry-after')));
  expect(Math.max(...waits)).toBeGreaterThan(0);
  expect(Math.max(...waits)).toBeLessThan(6);
  expect(await rush()).toEqual(before);
});

it.each([
  ['the same replica', 1],
  ['another replica, which turned nobody away', 2],
])(
  'a token that was shown often at once, and told to wait for longer than the grace, gives the same successor at %s',
  async (_name, replicas) => {
    const { replica, begun, serve } = await startWith(1);
    const token = begun[0]!.refreshToken;
    const grace = 4;
    const settings = { REFRESHES_PER_SECOND: '1', REFRESH_GRACE_SECONDS: String(grace) };
    const origins: string[] = [];
    while (origins.length < replicas) origins.push(await serve(settings));
    // More than it takes, for a machine that stands still for a moment while they come.
    const shown = Array.from({ length: 8 }, () => refreshAt(origins[0]!, token));
    const answers = await Promise.all(shown);
    const admitted = answers.find(({ status }) => status === 200)!;
    const turnedAway = answers.filter(({ status }) => status === 503);
    const waits = turnedAway.map(({ headers }) => Number(headers.get('retry-after')));
    const wait = Math.max(...waits);
    expect(wait).toBeGreaterThan(grace);
    await delay(wait * 1000);
    const again = await refreshAt(origins.at(-1)!, token);
    expect(again.status).toBe(200);
    expect(await successorIn(again)).toBe(await successorIn(admitted));
    // It is over a while after the last one was turned away.
    await replica.database.run((manager) =>
      manager.query(`UPDATE refresh_rush SET until = clock_timestamp()`),
    );
    await delay(1_200);
    const late = await refreshAt(origins.at(-1)!, token);
    expect(await late.json()).toMatchObject({ code: 'refresh_token_replayed' });
  },
);
