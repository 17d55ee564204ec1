import { RevocationReplica } from '@countersign/revocation';
import { stopReplicas } from '../../test/identity-under-test.js';
import { FROM, PASSWORD, startPeople } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { AccountDeletion } from '../credentials/account-deletion.js';
import { PasswordChange } from '../credentials/password-change.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { OwnSessions } from '../sessions/own-sessions.js';
import { CuttingOff } from './cutting-off.js';
import { RegisteredClients } from './registered-clients.js';
import { RoleChanges } from './role-changes.js';
import { SessionEnding } from './session-ending.js';

/**
 * The clock of the database goes back by some seconds, as after a failover to a server whose clock is behind. Tokens of these seconds
 * have an `iat` in what is now the future.
 */
const ALICE = { name: 'alice', roles: [] };
const HOW = { reason: 'a test' };

let people: People;
beforeAll(async () => {
  people = await startPeople();
});
afterAll(async () => {
  people.replica.get(PasswordHasher).close();
  await stopReplicas();
});
afterEach(async () => {
  await setBack(0);
  // They would keep everybody out of the tests that follow.
  await people.query(`DELETE FROM revocations WHERE kind IN ('client', 'all')`);
});

/** From here on it is as if the clock had been set back by so much. */
const setBack = (seconds: number) =>
  people.query(`UPDATE check_in_clock SET highest_at = clock_timestamp() + $1 * interval '1 s'`, [
    seconds,
  ]);
const now = async () => (await people.replica.get(RevocationLog).head()).readAt;

let count = 0;
async function somebody() {
  const email = `${String((count += 1))}@example.test`;
  const accountId = await people.add(email);
  const { session } = await people.signIn(email);
  return { accountId, email, sid: session.sid, from: FROM };
}
type Somebody = Awaited<ReturnType<typeof somebody>>;

/** Whether a verifier that has heard of everything refuses a token. */
async function refuses(
  { accountId, sid }: Pick<Somebody, 'accountId'> & { readonly sid?: string },
  issuedAt: number,
): Promise<boolean> {
  const replica = new RevocationReplica({ softMs: 10_000, hardMs: 60_000 });
  const { events } = await people.replica.get(RevocationLog).read({ epoch: 0, seq: 0 }, 1_000);
  for (const event of events)
    replica.receive({ type: 'revocation', event }, { wallMs: event.at * 1000, monotonicMs: 0 });
  return replica.isRevoked({
    tokenId: 't',
    keyId: 'k',
    clientId: 'first-party',
    subject: accountId,
    sessionId: sid,
    issuedAt: Math.floor(issuedAt),
  });
}

const head = async () => {
  const { epoch, seq } = await people.replica.get(RevocationLog).head();
  return { epoch, seq };
};
const get: People['replica']['get'] = (token) => people.replica.get(token);

it.each<[string, (who: Somebody) => Promise<unknown>]>([
  ['an owner ends all', (who) => get(OwnSessions).endAll(who, { receiptWanted: true, from: FROM })],
  [
    'an operator ends all',
    async ({ email }) => (await get(SessionEnding).endAllOf(ALICE, email, HOW)).position,
  ],
  [
    'an account is disabled',
    async (who) => (await get(SessionEnding).disable(ALICE, who.accountId, HOW)).position,
  ],
  ['an account is deleted', (who) => get(AccountDeletion).delete(who, undefined)],
])('%s: every token of every session dies, whatever its date', async (_, end) => {
  const who = await somebody();
  const other = { ...who, sid: (await people.signIn(who.email)).session.sid };
  await setBack(3600);
  expect(await end(who)).toEqual(await head());
  for (const session of [who, other])
    expect(await refuses(session, (await now()) + 3600)).toBe(true);
});

it('what revokes is told for as long as the latest token can live', async () => {
  const who = await somebody();
  await setBack(3600);
  const at = await now();
  await get(OwnSessions).end(who, 'logout', { receiptWanted: false, from: FROM });
  await get(OwnSessions).endAll(who, { receiptWanted: false, from: FROM });
  const log = get(RevocationLog);
  const { events } = await log.read({ epoch: 0, seq: 0 }, 1_000);
  for (const id of [who.sid, who.accountId]) {
    const { expiresAt } = events.find((event) => event.id === id)!;
    expect(expiresAt).toBeGreaterThan(at + 3600 + 300);
  }
  expect(await log.longestLife()).toBeGreaterThan(3600 + 300);
});

it('who has ended all sessions signs in again at once', async () => {
  const who = await somebody();
  await setBack(3600);
  await get(OwnSessions).endAll(who, { receiptWanted: false, from: FROM });
  await expect(people.signIn(who.email)).resolves.toBeDefined();
});

it('who has changed the password goes on at once, not when the clock has caught up', async () => {
  const who = await somebody();
  await setBack(3600);
  const change = get(PasswordChange).change(who, PASSWORD, 'another horse battery');
  await expect(change).resolves.toMatchObject({ session: { sid: who.sid } });
});

const CUT_OFFS: [string, (who: Somebody) => Promise<unknown>][] = [
  ['a role is taken', (who) => get(RoleChanges).take(ALICE, who.accountId, 'customer', HOW)],
  ['an account is deleted', (who) => get(AccountDeletion).delete(who, undefined)],
  [
    'a client loses an audience',
    async () => {
      const [client] = await people.query<{ audiences: string[] }>(
        `SELECT audiences FROM clients WHERE id = 'first-party'`,
      );
      const audiences = client!.audiences.slice(0, -1);
      await get(RegisteredClients).change(ALICE, 'first-party', { audiences }, HOW);
    },
  ],
  ['an operator cuts all off', () => get(CuttingOff).cutOff(ALICE, { kind: 'all', id: '*' }, HOW)],
];

it.each(CUT_OFFS)('%s: tokens of the seconds that come again are cut off', async (_, cutOff) => {
  const who = await somebody();
  const before = await now();
  await setBack(20);
  await cutOff(who);
  const token = { accountId: who.accountId };
  // The latest time is noted every second only.
  expect(await refuses(token, before + 21)).toBe(true);
  expect(await refuses(token, (await now()) + 24)).toBe(false);
});

it.each(CUT_OFFS)('%s: nobody is shut out for longer than a minute', async (_, cutOff) => {
  const who = await somebody();
  await setBack(3600);
  await cutOff(who);
  const [last] = await people.query<{ cutoff: string; at: string }>(
    `SELECT cutoff, at FROM revocations WHERE cutoff IS NOT NULL ORDER BY epoch DESC, seq DESC LIMIT 1`,
  );
  expect(Number(last!.cutoff) - Number(last!.at)).toBe(60);
  // As far ahead as a verifier believes.
  expect(await refuses({ accountId: who.accountId }, Number(last!.cutoff))).toBe(true);
});
