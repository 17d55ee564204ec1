import { setTimeout as delay } from 'node:timers/promises';
import { createTokenVerifier } from '@countersign/token-verifier';
import type { TokenVerifier } from '@countersign/token-verifier';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { SERVICE_SECRET, startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { Accounts } from '../accounts/accounts.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { Sessions } from './sessions.js';

const ISSUER = 'http://localhost:8080';
const SLOW_MS = 400;

const identities: ServingIdentity[] = [];
const verifiers: TokenVerifier[] = [];
let replica: Replica;
let accountId: string;

beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  accountId = await replica.get(Accounts).addVerified('a@example.test', 'unused', ['customer']);
  for (let n = 0; n < 2; n += 1) identities.push(await startServing(replica.databaseUrl));
});

afterAll(async () => {
  for (const verifier of verifiers) await verifier.close();
  for (const identity of identities) await identity.stop();
  await stopReplicas();
});

/** A verifier of `service` that is attached to one of the replicas. */
async function attach(
  service: string,
  to: number,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): Promise<TokenVerifier> {
  const verifier = createTokenVerifier({
    issuer: ISSUER,
    audience: service,
    discoveryUrl: `${identities[to]!.service}/.well-known/oauth-authorization-server`,
    credentials: { clientId: service, clientSecret: SERVICE_SECRET },
    fetch,
  });
  verifiers.push(verifier);
  await verifier.ready({ timeoutMs: 20_000 });
  return verifier;
}

/** What the feed brings comes late. */
const slowFetch: typeof globalThis.fetch = async (input, init) => {
  const answer = await fetch(input, init);
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer;
  const late = new TransformStream<Uint8Array, Uint8Array>({
    async transform(chunk, controller) {
      await delay(SLOW_MS);
      controller.enqueue(chunk);
    },
  });
  return new Response(answer.body!.pipeThrough(late), answer);
};

async function signIn(): Promise<string> {
  const sessions = replica.get(Sessions);
  const { accessToken } = await sessions.begin(accountId, {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: null,
    userAgent: null,
    ip: null,
  });
  return accessToken;
}

const logOut = (token: string, prefer?: string, at = 0) =>
  fetch(`${identities[at]!.public}/auth/logout`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, ...(prefer !== undefined && { prefer }) },
  });

const accepts = (verifier: TokenVerifier, token: string) =>
  verifier.verify(token).then(
    () => true,
    () => false,
  );

it('with Prefer: wait nobody accepts the token after the answer, however slow a service hears of it', async () => {
  const [fast, slow] = [await attach('orders', 0), await attach('payments', 1, slowFetch)];
  let applied = 0;
  // On a machine that took longer than two seconds there is no receipt, and nothing to be seen.
  for (let n = 0; n < 15 && applied < 5; n += 1) {
    const token = await signIn();
    expect([await accepts(fast, token), await accepts(slow, token)]).toEqual([true, true]);
    const begun: number[] = [];
    const state = { asking: true };
    const asking = Promise.all(
      [fast, slow].map(async (verifier) => {
        while (state.asking) {
          const start = performance.now();
          if (await accepts(verifier, token)) begun.push(start);
          await delay(1);
        }
      }),
    );
    const asked = performance.now();
    const answer = await logOut(token, 'wait=2', n % 2);
    const answered = performance.now();
    await delay(100);
    state.asking = false;
    await asking;
    expect(answer.headers.get('preference-applied')).toBe('wait=2');
    const status = answer.status === 200 ? 'applied' : 'pending';
    expect(await answer.json()).toEqual({ revocation: { epoch: 1, seq: n + 1, status } });
    if (status === 'pending') continue;
    applied += 1;
    // The slow one was waited for, and was the reason to wait.
    expect(answered - asked).toBeGreaterThan(SLOW_MS - 50);
    expect(begun.filter((start) => start > answered)).toEqual([]);
    expect(begun.some((start) => start > asked + 100)).toBe(true);
  }
  expect(applied).toBe(5);
});

it('without it the answer comes at once and says pending; a wait longer than two seconds is two', async () => {
  const answer = await logOut(await signIn());
  expect([answer.status, answer.headers.get('preference-applied')]).toEqual([202, null]);
  expect(await answer.json()).toMatchObject({ revocation: { status: 'pending' } });
  const long = async () => logOut(await signIn(), 'respond-async, wait=60');
  let waited = await long();
  for (let left = 4; left > 0 && waited.status === 202; left -= 1) waited = await long();
  expect([waited.status, waited.headers.get('preference-applied')]).toEqual([200, 'wait=2']);
});

it('one that cannot report is waited for as long as asked, then the answer is pending', async () => {
  let cut = false;
  await attach('orders', 1, async (input, init) => {
    if (cut && init?.method === 'POST') throw new TypeError('cut off');
    return fetch(input, init);
  });
  cut = true;
  const asked = performance.now();
  const answer = await logOut(await signIn(), 'wait=1');
  expect(performance.now() - asked).toBeGreaterThan(950);
  expect([answer.status, answer.headers.get('preference-applied')]).toEqual([202, 'wait=1']);
  expect(await answer.json()).toMatchObject({ revocation: { status: 'pending' } });
});
