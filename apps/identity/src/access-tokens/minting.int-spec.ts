import { jest } from '@jest/globals';
import { decodeJwt } from 'jose';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { DEFAULT_CLIENT_ID } from './client.js';
import { Accounts } from '../accounts/accounts.js';
import { takeLocks } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRing } from '../signing-keys/key-ring.js';

afterAll(stopReplicas);
afterEach(() => jest.restoreAllMocks());

let replicas: readonly [Replica, Replica];
let accountId: string;
beforeAll(async () => {
  const one = await startReplica();
  const other = await startReplica({ databaseUrl: one.databaseUrl });
  replicas = [one, other];
  for (const replica of replicas) await replica.get(KeyRing).load();
  await one.get(RevocationLog).noteLifetime(300);
  accountId = await one.get(Accounts).addVerified('a@example.test', 'unused', ['customer']);
});

async function mint(replica: Replica): Promise<number> {
  const sessions = replica.get(Sessions);
  const { accessToken } = await sessions.begin(accountId, {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: null,
    userAgent: null,
    ip: null,
  });
  return decodeJwt(accessToken).iat!;
}

async function cutOff(replica: Replica): Promise<number> {
  const event = await replica.database.transaction(async (tx) => {
    await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'exclusive' }]);
    return replica.get(RevocationLog).append(tx, { kind: 'sub', id: accountId });
  });
  return event.cutoff!;
}

it('the clock of a replica that runs two seconds ahead is in no token', async () => {
  const real = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => real() + 2_000);
  const iat = await mint(replicas[0]);
  const { readAt } = await replicas[1].get(RevocationLog).head();
  expect(iat).toBeLessThanOrEqual(readAt);
  const cutoff = await cutOff(replicas[1]);
  expect(cutoff).toBeGreaterThanOrEqual(iat);
});

it('after two cut-offs in one second a sign-in of that second gets a token that both spare', async () => {
  const cutoffs = [await cutOff(replicas[0]), await cutOff(replicas[1])];
  const iat = await mint(replicas[0]);
  for (const cutoff of cutoffs) expect(iat).toBeGreaterThan(cutoff);
});

it('between two replicas every cut-off covers all tokens handed out before it, and none asked for after it', async () => {
  const tokens: { asked: number; answered: number; iat: number }[] = [];
  const cutoffs: { asked: number; answered: number; cutoff: number }[] = [];
  let going = true;
  const minting = (replica: Replica) => async () => {
    while (going) {
      const asked = performance.now();
      const iat = await mint(replica);
      tokens.push({ asked, answered: performance.now(), iat });
    }
  };
  const cutting = async () => {
    for (let n = 0; n < 3; n += 1) {
      const asked = performance.now();
      const cutoff = await cutOff(replicas[n % 2 === 0 ? 0 : 1]);
      cutoffs.push({ asked, answered: performance.now(), cutoff });
      await new Promise((resolve) => setTimeout(resolve, 1_200));
    }
    going = false;
  };
  await Promise.all(
    [...replicas, ...replicas].map((replica) => minting(replica)()).concat(cutting()),
  );
  expect(tokens.length).toBeGreaterThan(10);
  for (const { asked, answered, cutoff } of cutoffs) {
    for (const token of tokens) {
      if (token.answered < asked) expect(token.iat).toBeLessThanOrEqual(cutoff);
      if (token.asked > answered) expect(token.iat).toBeGreaterThan(cutoff);
    }
  }
});
