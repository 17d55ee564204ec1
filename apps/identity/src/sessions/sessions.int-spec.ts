import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { Accounts } from '../accounts/accounts.js';
import { takeLocks } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { Sessions } from './sessions.js';

jest.setTimeout(30_000);
afterAll(stopReplicas);

let replica: Replica;
let accountId: string;
beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  await replica.get(RevocationLog).noteLifetime(300);
  accountId = await replica.get(Accounts).addVerified('a@example.test', 'unused', ['customer']);
});

async function begin(more: { remember?: boolean } = {}) {
  const sessions = replica.get(Sessions);
  return sessions.begin(accountId, {
    client: await sessions.signInClient(),
    delivery: 'bearer',
    remember: false,
    deviceName: 'a laptop',
    userAgent: 'test',
    ip: '127.0.0.1',
    ...more,
  });
}

const cutOff = (kind: 'sub' | 'client' | 'all', id: string) =>
  replica.database.transaction((tx) => replica.get(RevocationLog).append(tx, { kind, id }));

it('a session begins with a token as RFC 9068 wants it, signed by the published key', async () => {
  const { session, accessToken, expiresIn } = await begin();
  const [jwk] = replica.get(KeyRing).document().keys;
  const { payload } = await jwtVerify(accessToken, await importJWK(jwk!, 'RS256'), {
    algorithms: ['RS256'],
    typ: 'at+jwt',
    issuer: 'http://localhost:8080',
    audience: 'orders',
    requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
  });
  expect(decodeProtectedHeader(accessToken)).toEqual({
    alg: 'RS256',
    typ: 'at+jwt',
    kid: jwk!.kid,
  });
  expect(payload).toMatchObject({
    sub: accountId,
    aud: ['identity', 'orders', 'payments'],
    client_id: 'first-party',
    sid: session.sid,
    scope: 'orders:read orders:write payments:read payments:write',
    roles: ['customer'],
  });
  expect(expiresIn).toBe(300);
});

it('a remembered session lives longer', async () => {
  const [short, long] = [await begin(), await begin({ remember: true })];
  const hours = ({ session }: typeof short) =>
    (session.expiresAt.getTime() - session.createdAt.getTime()) / 3_600_000;
  expect([hours(short), hours(long)]).toEqual([12, 30 * 24]);
});

it('ending a session twice at once writes one revocation, and both are told the same', async () => {
  const { session } = await begin();
  const sessions = replica.get(Sessions);
  const before = await replica.get(RevocationLog).head();
  const [one, other] = await Promise.all([
    sessions.end(session.sid, 'logout'),
    sessions.end(session.sid, 'logout'),
  ]);
  expect(one).toEqual(other);
  expect((await replica.get(RevocationLog).head()).seq).toBe(before.seq + 1);
  await expect(
    sessions.end('00000000-0000-4000-8000-000000000000', 'logout'),
  ).rejects.toMatchObject({ code: 'session_ended' });
});

it.each([
  ['sub', (): string => accountId],
  ['client', (): string => 'first-party'],
  ['all', (): string => '*'],
] as const)(
  'a token issued in the second of a %s cut-off is not covered by it',
  async (kind, id) => {
    const { cutoff } = await cutOff(kind, id());
    const { accessToken } = await begin();
    expect(decodeJwt(accessToken).iat).toBeGreaterThan(cutoff!);
  },
);

it('a cut-off waits for the token that is being issued, and covers it', async () => {
  const order: string[] = [];
  const holding = replica.database.transaction(async (tx) => {
    await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'shared' }]);
    await delay(300);
    order.push('issued');
  });
  await delay(50);
  const ending = replica.database.transaction(async (tx) => {
    await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'exclusive' }]);
    await replica.get(RevocationLog).append(tx, { kind: 'sub', id: accountId });
    order.push('cut off');
  });
  await Promise.all([holding, ending]);
  expect(order).toEqual(['issued', 'cut off']);
});

it('an account that was disabled after the password check gets no token', async () => {
  await replica.database.read((manager) =>
    manager.query(`UPDATE accounts SET disabled_at = now()`),
  );
  await expect(begin()).rejects.toMatchObject({ code: 'credentials_rejected' });
  await replica.database.read((manager) => manager.query(`UPDATE accounts SET disabled_at = NULL`));
});

it('only a public client marked for sign-in will do', async () => {
  await expect(replica.get(Sessions).signInClient('orders')).rejects.toMatchObject({
    code: 'unknown_client',
  });
});
