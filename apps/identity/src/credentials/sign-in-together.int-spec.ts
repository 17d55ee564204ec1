import { jest } from '@jest/globals';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { stopReplicas } from '../../test/identity-under-test.js';
import { FROM, PASSWORD, startPeople } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { Sessions } from '../sessions/sessions.js';
import { PasswordHasher } from './password-hasher.js';

jest.setTimeout(120_000);

let people: People;
let ids: string[];
const EMAILS = Array.from({ length: 8 }, (_, n) => `${String(n)}@example.test`);
beforeAll(async () => {
  people = await startPeople({
    settings: { PASSWORD_HASH_PROCESSES: '1', PASSWORD_HASH_QUEUE: '64' },
  });
  ids = await Promise.all(EMAILS.map((email) => people.add(email)));
});
afterEach(() => jest.restoreAllMocks());
afterAll(async () => {
  people.replica.get(PasswordHasher).close();
  await stopReplicas();
});

const begin = (
  accountId: string,
  { clientId, provedHash }: { clientId?: string; provedHash?: string } = {},
) =>
  people.replica.get(Sessions).begin(
    accountId,
    {
      clientId: clientId ?? DEFAULT_CLIENT_ID,
      delivery: 'bearer',
      remember: false,
      deviceName: null,
      userAgent: null,
      ip: null,
    },
    provedHash,
  );
const nameOf = (beginning: Promise<unknown>) =>
  beginning.then(
    () => 'begun',
    (error: unknown) => (error as { code?: string }).code ?? (error as Error).name,
  );
const sessionsOf = (accountId: string) =>
  people.query(`SELECT FROM sessions WHERE account_id = $1`, [accountId]);

it('those who sign in at once share transactions, and each gets their own session', async () => {
  const asked = jest.spyOn(pg.Client.prototype, 'query');
  const begun = await Promise.all(ids.map((id) => begin(id)));
  const commits = asked.mock.calls.filter(([query]) => JSON.stringify(query).includes('COMMIT'));
  asked.mockRestore();
  expect(commits.length).toBeLessThan(4);
  expect(new Set(begun.map(({ session }) => session.sid)).size).toBe(ids.length);
  for (const [n, { session, accessToken, refreshToken }] of begun.entries()) {
    const { sid } = session;
    expect(decodeJwt(accessToken)).toMatchObject({ sid, sub: ids[n], client_id: 'first-party' });
    expect(refreshToken).toMatch(new RegExp(`^${sid}\\.0\\.`));
    const rows = await people.query(
      `SELECT s.account_id FROM sessions AS s JOIN audit AS a ON a.target = s.sid::text
       WHERE s.sid = $1 AND a.action = 'sign_in' AND a.account_id = s.account_id`,
      [sid],
    );
    expect(rows).toEqual([{ account_id: ids[n] }]);
  }
});

it('several of one account do, too', async () => {
  const begun = await Promise.all(Array.from({ length: 6 }, () => begin(ids[0]!)));
  expect(new Set(begun.map(({ session }) => session.sid)).size).toBe(6);
  expect(new Set(begun.map(({ accessToken }) => decodeJwt(accessToken).sub))).toEqual(
    new Set([ids[0]]),
  );
});

it('by password: who is right is let in, who is wrong is not, however they come together', async () => {
  const outcomes = EMAILS.map((email, n) =>
    nameOf(people.signIn(email, n % 2 === 0 ? PASSWORD : 'not the password')),
  );
  outcomes.push(nameOf(people.signIn('nobody@example.test')));
  expect(await Promise.all(outcomes)).toEqual([
    ...EMAILS.map((_, n) => (n % 2 === 0 ? 'begun' : 'credentials_rejected')),
    'credentials_rejected',
  ]);
});

it('what is wrong with one of them is its own affair', async () => {
  const [gone, disabled] = [
    '00000000-0000-4000-8000-000000000000',
    await people.add('disabled@example.test'),
  ];
  await people.query(`UPDATE accounts SET disabled_at = now() WHERE id = $1`, [disabled]);
  const before = await sessionsOf(ids[1]!);
  const outcomes = [
    begin(ids[2]!),
    begin(gone),
    begin(disabled),
    begin(ids[1]!, { clientId: `no'body"\\` }),
    begin(ids[1]!, { provedHash: 'another hash' }),
    begin(ids[3]!),
  ];
  expect(await Promise.all(outcomes.map(nameOf))).toEqual([
    'begun',
    'credentials_rejected',
    'credentials_rejected',
    'unknown_client',
    'PasswordHasChanged',
    'begun',
  ]);
  expect(await sessionsOf(ids[1]!)).toEqual(before);
  expect(await sessionsOf(disabled)).toEqual([]);
});

it('whoever has to wait for somebody else keeps nobody waiting', async () => {
  const [held, ...others] = ids;
  const { waiting } = await people.replica.database.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('account:' || $1, 0))`, [held]);
    const waiting = nameOf(begin(held!));
    const outcomes = await Promise.all(others.map((id) => nameOf(begin(id))));
    expect(new Set(outcomes)).toEqual(new Set(['begun']));
    return { waiting };
  });
  expect(await waiting).toBe('begun');
});

it('one whose account was just cut off gets a token that is younger, and the others need not wait for it', async () => {
  const cut = await people.add('cut-off@example.test');
  const { cutoff } = await people.replica.database.transaction((tx) =>
    people.replica.get(RevocationLog).append(tx, { kind: 'sub', id: cut }),
  );
  const order: string[] = [];
  const [late] = await Promise.all([
    begin(cut).finally(() => order.push('cut off')),
    ...ids.map((id) => begin(id).finally(() => order.push('another'))),
  ]);
  expect(decodeJwt(late.accessToken).iat).toBeGreaterThan(cutoff!);
  expect(order.at(-1)).toBe('cut off');
});

it('when the database fails all of them are told so, and nobody is signed in', async () => {
  const before = await people.query(`SELECT FROM sessions`);
  const ask = Reflect.get(pg.Client.prototype, 'query') as (...given: unknown[]) => unknown;
  jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (
    this: pg.Client,
    ...given: unknown[]
  ) {
    if (JSON.stringify(given[0] ?? '').includes('insert_session'))
      return Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
    return ask.apply(this, given);
  });
  const outcomes = await Promise.all(ids.map((id) => nameOf(begin(id))));
  jest.restoreAllMocks();
  expect(new Set(outcomes)).toEqual(new Set(['database_unavailable']));
  expect(await people.query(`SELECT FROM sessions`)).toHaveLength(before.length);
});

it('the addresses of those who sign in at once are read together', async () => {
  const asked = jest.spyOn(pg.Client.prototype, 'query');
  await Promise.all(EMAILS.map((email) => people.signIn(email)));
  const reads = asked.mock.calls.filter(([query]) =>
    JSON.stringify(query).includes('claimed_accounts'),
  );
  asked.mockRestore();
  expect(reads.length).toBeLessThanOrEqual(2);
  expect(await people.activity(ids[5]!)).toContainEqual(
    expect.objectContaining({ action: 'sign_in', personal: expect.objectContaining(FROM) }),
  );
});
