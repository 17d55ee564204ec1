import type { FeedFrame } from '@countersign/revocation';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { Accounts } from '../accounts/accounts.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { EpochHistory } from './epoch-history.js';
import { EpochRaising } from './epoch-raising.js';
import { Epochs } from './epochs.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';

afterAll(stopReplicas);

async function startLoaded(databaseUrl?: string): Promise<Replica> {
  const replica = await startReplica(databaseUrl === undefined ? {} : { databaseUrl });
  await replica.get(HeartbeatProof).load();
  await replica.get(KeyRing).load();
  await replica.get(Epochs).follow();
  return replica;
}

async function signIn(replica: Replica) {
  const accounts = replica.get(Accounts);
  const email = `${Math.random().toString(36).slice(2)}@example.test`;
  const id = await accounts.addVerified(email, 'unused', ['customer']);
  const sessions = replica.get(Sessions);
  return sessions.begin(id, {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: null,
    userAgent: null,
    ip: null,
  });
}

/** A report that has just come. */
const report = async (
  replica: Replica,
  applied: { epoch: number; seq: number },
  proof: string | undefined,
) => replica.get(Epochs).believes({ applied, proof }, await replica.get(RevocationLog).head());

const revokeSome = (replica: Replica, count: number) =>
  replica.database.transaction(async (tx) => {
    for (let n = 0; n < count; n += 1)
      await replica.get(RevocationLog).append(tx, { kind: 'sid', id: `s${String(n)}` });
  });
const head = async (replica: Replica) => {
  const [row] = await replica.database.run((manager) =>
    manager.query<[{ epoch: number; seq: string }]>(`SELECT epoch, seq FROM revocation_head`),
  );
  return { epoch: row.epoch, seq: Number(row.seq) };
};
const everything = async (replica: Replica) =>
  (await replica.get(RevocationLog).read({ epoch: 0, seq: 0 }, 1_000)).events;
const openSessions = async (replica: Replica) => {
  const [row] = await replica.database.run((manager) =>
    manager.query<[{ open: number }]>(
      `SELECT count(*)::int AS open FROM sessions WHERE ended_at IS NULL`,
    ),
  );
  return row.open;
};
const lastAudit = async (replica: Replica) => {
  const rows = await replica.database.run((manager) =>
    manager.query<unknown[]>(
      `SELECT actor, action, target, details FROM audit ORDER BY id DESC LIMIT 1`,
    ),
  );
  return rows[0];
};
const pretend = (replica: Replica, change: string) =>
  replica.database.run((manager) => manager.query(`UPDATE revocation_head SET ${change}`));

it('nothing happens in the database that the log was begun in', async () => {
  const replica = await startLoaded();
  await signIn(replica);
  for (let n = 0; n < 3; n += 1) await replica.get(Epochs).follow();
  expect(await head(replica)).toEqual({ epoch: 1, seq: 0 });
  expect(await openSessions(replica)).toBe(1);
});

it('a promoted standby begins an epoch; sessions go on, and earlier revocations stay in force', async () => {
  const replica = await startLoaded();
  await signIn(replica);
  await revokeSome(replica, 2);
  await pretend(replica, 'timeline = timeline + 1');
  await replica.get(Epochs).follow();
  expect(await head(replica)).toEqual({ epoch: 2, seq: 0 });
  expect(await openSessions(replica)).toBe(1);
  expect((await everything(replica)).map(({ id }) => id)).toEqual(['s0', 's1']);
  expect(await lastAudit(replica)).toMatchObject({
    actor: 'identity',
    action: 'epoch.raise',
    target: '2',
    details: { reason: 'new_timeline', from: 1, last_seq: 2, sessions_kept: true, sessions: 0 },
  });
});

it('a copy in another server ends all sessions, revokes all tokens, and lets people sign in again', async () => {
  const replica = await startLoaded();
  const { session } = await signIn(replica);
  await pretend(replica, `system_identifier = '1'`);
  await replica.get(Epochs).follow();
  expect(await head(replica)).toEqual({ epoch: 2, seq: 1 });
  expect(await openSessions(replica)).toBe(0);
  expect(await lastAudit(replica)).toMatchObject({
    actor: 'identity',
    details: { reason: 'new_system', sessions_kept: false, sessions: 1 },
  });
  const [all] = await everything(replica);
  expect(all).toMatchObject({ epoch: 2, seq: 1, kind: 'all', id: '*', cutoff: all!.at });
  expect(await replica.get(Sessions).end(session.sid, 'logout')).toEqual({ epoch: 2, seq: 1 });
  const again = await signIn(replica);
  const { iat } = JSON.parse(
    Buffer.from(again.accessToken.split('.')[1]!, 'base64url').toString(),
  ) as { iat: number };
  expect(iat).toBeGreaterThan(all!.cutoff!);
});

it('every session ends, however many there are', async () => {
  const replica = await startLoaded();
  const { session } = await signIn(replica);
  await replica.database.run((manager) =>
    manager.query(
      `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, auth_time, created_at, last_seen_at, expires_at)
       SELECT gen_random_uuid(), account_id, client_id, delivery, remembered, auth_time, created_at, last_seen_at, expires_at
       FROM sessions, generate_series(1, 12345) WHERE sid = $1`,
      [session.sid],
    ),
  );
  expect(await replica.get(EpochRaising).raise('operator', { keepSessions: false })).toMatchObject({
    endedSessions: 12_346,
  });
  expect(await openSessions(replica)).toBe(0);
});

describe('before it was noticed that the database is another', () => {
  const revocations = {
    one: (replica: Replica) => revokeSome(replica, 1),
    'of sessions': (replica: Replica) =>
      replica.database.transaction((tx) =>
        replica.get(RevocationLog).appendSessions(tx, ['s0', 's1']),
      ),
  };

  it.each([
    ['one', 'timeline = timeline + 1'],
    ['one', `system_identifier = '1'`],
    ['of sessions', 'timeline = timeline + 1'],
    ['of sessions', `system_identifier = '1'`],
  ] as const)('a revocation (%s, %s) takes no position of the old epoch', async (which, change) => {
    const replica = await startLoaded();
    const revoke = () => revocations[which](replica);
    await revoke();
    const before = await head(replica);
    await pretend(replica, change);
    await expect(revoke()).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(await head(replica)).toEqual(before);
    await replica.get(Epochs).follow();
    await revoke();
    expect((await head(replica)).epoch).toBe(2);
  });

  it('nothing is said from it', async () => {
    const replica = await startLoaded();
    await revokeSome(replica, 2);
    await pretend(replica, 'timeline = timeline + 1');
    const log = replica.get(RevocationLog);
    const unsaid = { code: 'database_unavailable' };
    await expect(log.head()).rejects.toMatchObject(unsaid);
    await expect(log.read({ epoch: 1, seq: 1 }, 10)).rejects.toMatchObject(unsaid);
    await expect(log.permanent({ epoch: 1, seq: 2 })).rejects.toMatchObject(unsaid);
    await expect(log.longestLife()).rejects.toMatchObject(unsaid);
    await replica.get(Epochs).follow();
    await expect(log.head()).resolves.toMatchObject({ epoch: 2 });
  });

  it('nothing is refused in a database whose lineage nobody has noted', async () => {
    const replica = await startLoaded();
    await pretend(replica, 'system_identifier = NULL, timeline = NULL');
    for (const revoke of Object.values(revocations)) await revoke(replica);
    expect(await head(replica)).toEqual({ epoch: 1, seq: 3 });
  });
});

it('replicas that notice at once raise the epoch once', async () => {
  const one = await startLoaded();
  const others = await Promise.all([startLoaded(one.databaseUrl), startLoaded(one.databaseUrl)]);
  await pretend(one, `system_identifier = '1'`);
  await Promise.all([one, ...others].map((replica) => replica.get(Epochs).follow()));
  expect(await head(one)).toEqual({ epoch: 2, seq: 1 });
});

it('an operator raises it after restoring a dump, and may keep the sessions', async () => {
  const replica = await startLoaded();
  await signIn(replica);
  expect(await replica.get(EpochRaising).raise('operator', { keepSessions: true })).toMatchObject({
    epoch: 2,
    seq: 0,
    endedSessions: 0,
  });
  expect(await openSessions(replica)).toBe(1);
  await replica.get(EpochRaising).raise('operator', { keepSessions: false });
  expect(await head(replica)).toEqual({ epoch: 3, seq: 1 });
  expect(await openSessions(replica)).toBe(0);
});

describe('a restored database', () => {
  /** As after a restore: nobody has run on it since. */
  const lastSign = (replica: Replica, ago: string) =>
    replica.database.run((manager) =>
      manager.query(`UPDATE check_in_clock SET ticked_at = clock_timestamp() - $1::interval`, [
        ago,
      ]),
    );
  const lastClosed = async (replica: Replica) =>
    (await replica.get(EpochHistory).latest(1)).map(({ lostFrom, closedAt }) =>
      lostFrom ? Math.round((closedAt.getTime() - lostFrom.getTime()) / 60_000) : 'unknown',
    );
  const raise = (replica: Replica) =>
    replica.get(EpochRaising).raise('operator', { keepSessions: false });

  it('says which time is lost, once', async () => {
    const replica = await startLoaded();
    await lastSign(replica, '10 minutes');
    const raised = await raise(replica);
    const { from, to } = raised!.lostTime!;
    expect(Math.round((to.getTime() - from.getTime()) / 60_000)).toBe(10);
    expect(await lastClosed(replica)).toEqual([10]);
    expect(await lastAudit(replica)).toMatchObject({ details: { lost_from: from.toISOString() } });
    expect((await raise(replica))!.lostTime).toBeUndefined();
    expect(await lastClosed(replica)).toEqual(['unknown']);
  });

  it('says it also when identity notices by itself, in another server', async () => {
    const replica = await startLoaded();
    await lastSign(replica, '10 minutes');
    await pretend(replica, `system_identifier = '1'`);
    await replica.get(Epochs).follow();
    expect(await lastClosed(replica)).toEqual([10]);
  });

  it('that identity runs on does not say it', async () => {
    const replica = await startLoaded();
    await lastSign(replica, '1 second');
    expect((await raise(replica))!.lostTime).toBeUndefined();
  });

  it('whose loss a verifier proves does not say it: identity has run on it since', async () => {
    const replica = await startLoaded();
    await lastSign(replica, '10 minutes');
    const lost = { epoch: 1, seq: 9 };
    await report(replica, lost, replica.get(HeartbeatProof).proofOf(lost));
    expect(await lastClosed(replica)).toEqual(['unknown']);
  });
});

describe('a report that is ahead of this history', () => {
  /** What a verifier still knows after the database went back to the head `now`. */
  async function goneBack(from: { epoch: number; seq: number }, now: string) {
    const replica = await startLoaded();
    await signIn(replica);
    const proof = replica.get(HeartbeatProof).proofOf(from);
    await pretend(replica, now);
    return { replica, proof };
  }

  it('with the proof of a lost heartbeat raises the epoch and ends everything, once', async () => {
    const { replica, proof } = await goneBack({ epoch: 1, seq: 9 }, 'seq = 4');
    const reports = Array.from({ length: 5 }, () => report(replica, { epoch: 1, seq: 9 }, proof));
    expect(await Promise.all(reports)).toContain(false);
    expect(await head(replica)).toEqual({ epoch: 2, seq: 1 });
    expect(await openSessions(replica)).toBe(0);
    expect(await report(replica, { epoch: 1, seq: 9 }, proof)).toBe(true);
    expect(await head(replica)).toEqual({ epoch: 2, seq: 1 });
  });

  it('of a lost epoch leads to one above that', async () => {
    const { replica, proof } = await goneBack({ epoch: 6, seq: 2 }, 'seq = 4');
    await report(replica, { epoch: 6, seq: 2 }, proof);
    expect(await head(replica)).toEqual({ epoch: 7, seq: 1 });
  });

  it('shows what a promoted standby has lost', async () => {
    const { replica, proof } = await goneBack(
      { epoch: 1, seq: 9 },
      'seq = 8, timeline = timeline + 1',
    );
    await replica.get(Epochs).follow();
    expect(await openSessions(replica)).toBe(1);
    await report(replica, { epoch: 1, seq: 9 }, proof);
    expect(await head(replica)).toEqual({ epoch: 3, seq: 1 });
    expect(await openSessions(replica)).toBe(0);
  });

  it.each([
    ['without proof', () => undefined],
    ['with a forged proof', (proof: string) => proof.replace('1.9.', '1.10.')],
    ['with the proof of a heartbeat that is not lost', () => 'known'],
  ])('%s is not believed, and changes nothing', async (_name, forge) => {
    const { replica, proof } = await goneBack({ epoch: 1, seq: 9 }, 'seq = 4');
    const known = replica.get(HeartbeatProof).proofOf({ epoch: 1, seq: 4 });
    const sent = forge(proof);
    expect(await report(replica, { epoch: 1, seq: 9 }, sent === 'known' ? known : sent)).toBe(
      false,
    );
    expect(await head(replica)).toEqual({ epoch: 1, seq: 4 });
    expect(await openSessions(replica)).toBe(1);
  });
});

it('readers of the feed are given the new epoch whole', async () => {
  const replica = await startLoaded();
  await revokeSome(replica, 2);
  const feed = replica.get(RevocationFeed);
  await feed.start();
  const frames: FeedFrame[] = [];
  await feed.subscribe({ local: false, send: (frame) => void frames.push(frame) }, undefined);
  frames.length = 0;
  await replica.get(EpochRaising).raise('operator', { keepSessions: false });
  while (!frames.some(({ type }) => type === 'end'))
    await new Promise((resolve) => setTimeout(resolve, 20));
  await feed.stop();
  const [begin, ...rest] = frames.filter(({ type }) => type !== 'heartbeat');
  expect(begin).toEqual({ type: 'begin', epoch: 2, after: 0, head: 1 });
  expect(rest.slice(0, 4).map(({ type }) => type)).toEqual([
    'revocation',
    'revocation',
    'revocation',
    'end',
  ]);
});
