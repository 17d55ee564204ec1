import { decodeJwt } from 'jose';
import { stopReplicas } from '../../test/identity-under-test.js';
import { FROM, startPeople } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { Refreshes } from '../sessions/refresh/refreshes.js';
import { SessionTokens } from '../sessions/session-tokens.js';
import { Sessions } from '../sessions/sessions.js';
import { RoleChanges } from './role-changes.js';

let people: People;
beforeAll(async () => {
  people = await startPeople();
});
afterAll(async () => {
  people.replica.get(PasswordHasher).close();
  await stopReplicas();
});

/** Somebody with a session in an application and one in a browser. */
async function somebody(email: string) {
  const accountId = await people.add(email);
  const inApp = await people.signIn(email);
  const sessions = people.replica.get(Sessions);
  const inBrowser = await sessions.begin(accountId, {
    clientId: 'first-party',
    delivery: 'session',
    remember: true,
    deviceName: null,
    userAgent: null,
    ip: null,
  });
  return { accountId, inApp, inBrowser };
}
const refresh = (token: string | null) =>
  people.replica.get(Refreshes).refresh(token ?? '', { by: 'bearer', from: FROM });
const swap = (cookie: string | null) =>
  people.replica.get(SessionTokens).issueForCookie(cookie ?? '');
const give = (accountId: string) => people.replica.get(RoleChanges).give(accountId, 'support');
const endedOf = (accountId: string) =>
  people.query<{ end_reason: string | null; kind: string | null }>(
    `SELECT end_reason, kind FROM sessions LEFT JOIN revocations AS r ON r.kind = 'sid' AND r.id = sid::text
     WHERE account_id = $1`,
    [accountId],
  );

it('who is given a role signs in again: nothing of a session from before carries it', async () => {
  const { accountId, inApp, inBrowser } = await somebody('ann@example.test');
  expect(await give(accountId)).toEqual({ roles: ['customer', 'support'], sessions: 2 });
  const ended = { code: 'session_ended' };
  await expect(refresh(inApp.refreshToken)).rejects.toMatchObject(ended);
  await expect(swap(inBrowser.opaqueCookie)).rejects.toMatchObject(ended);
  expect(await endedOf(accountId)).toEqual([
    { end_reason: 'role_given', kind: 'sid' },
    { end_reason: 'role_given', kind: 'sid' },
  ]);
  const { accessToken } = await people.signIn('ann@example.test');
  expect(decodeJwt(accessToken)).toMatchObject({ roles: ['customer', 'support'] });
});

it('given again, it ends nothing', async () => {
  const { accountId } = await somebody('bob@example.test');
  await give(accountId);
  const { refreshToken } = await people.signIn('bob@example.test');
  expect(await give(accountId)).toEqual({ roles: ['customer', 'support'], sessions: 0 });
  await expect(refresh(refreshToken)).resolves.toBeDefined();
});

it('who loses a role goes on with the same secrets, and fewer rights in the next token', async () => {
  const { accountId } = await somebody('carl@example.test');
  await give(accountId);
  const { refreshToken } = await people.signIn('carl@example.test');
  const alice = { name: 'alice', roles: [] };
  await people.replica.get(RoleChanges).take(alice, accountId, 'support', { reason: 'a test' });
  const { accessToken } = await refresh(refreshToken);
  expect(decodeJwt(accessToken)).toMatchObject({ roles: ['customer'] });
});
