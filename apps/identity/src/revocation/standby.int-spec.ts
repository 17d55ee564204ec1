import { setTimeout as delay } from 'node:timers/promises';
import type { FeedFrame } from '@countersign/revocation';
import { startThrowAwayPostgres } from '@countersign/test-kit';
import type { ThrowAwayPostgres } from '@countersign/test-kit';
import { jest } from '@jest/globals';
import pg from 'pg';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { AccessTokens } from '../access-tokens/access-tokens.js';
import { Accounts } from '../accounts/accounts.js';
import { IdentityConfig } from '../config/identity-config.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { SignIn } from '../credentials/sign-in.js';
import { PresentedTokens } from '../oauth/presented-tokens.js';
import { createOwnVerifier } from '../own-verifier/own-verifier.js';
import type { DomainError } from '../platform/domain-error.js';
import { CheckIns } from '../relying-services/check-ins.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { Epochs } from './epochs.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';

jest.setTimeout(120_000);

const START = { epoch: 0, seq: 0 };

let postgres: ThrowAwayPostgres;
let replica: Replica;
beforeAll(async () => {
  postgres = await startThrowAwayPostgres();
  replica = await startReplica({ databaseUrl: postgres.url });
  await replica.get(RelyingServices).reconcile([]);
  await replica.get(HeartbeatProof).load();
  await replica.get(KeyRing).load();
  await replica.get(RevocationLog).noteLifetime(300);
});
afterAll(async () => {
  await replica.get(RevocationFeed).stop();
  replica.get(PasswordHasher).close();
  await stopReplicas();
  await postgres.stop();
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error('it did not happen in time');
    await delay(50);
  }
}

async function signIn() {
  const sessions = replica.get(Sessions);
  const accounts = replica.get(Accounts);
  const email = `${String(performance.now())}@example.test`;
  const { session } = await sessions.begin(await accounts.addVerified(email, 'unused', []), {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: null,
    userAgent: null,
    ip: null,
  });
  return session.sid;
}

async function promote(): Promise<void> {
  const client = new pg.Client(postgres.adminUrl);
  await client.connect();
  await client.query('SELECT pg_promote()');
  await client.end();
}

function startOwnVerifier() {
  const parts = {
    keyRing: replica.get(KeyRing),
    feed: replica.get(RevocationFeed),
    checkIns: replica.get(CheckIns),
  };
  return createOwnVerifier(replica.get(IdentityConfig), parts, () => undefined);
}

it('a standby is not believed; once it is promoted a new epoch begins, and people stay signed in', async () => {
  const log = replica.get(RevocationLog);
  const feed = replica.get(RevocationFeed);
  await replica.get(Epochs).follow();
  const [ended, kept] = [await signIn(), await signIn()];
  await replica.get(Sessions).end(ended, 'logout');
  const hash = await replica.get(PasswordHasher).hash('right');
  await replica.get(Accounts).addVerified('known@example.test', hash, []);
  const frames: FeedFrame[] = [];
  await feed.start();
  await feed.subscribe({ local: true, send: (frame) => void frames.push(frame) }, undefined);

  await postgres.halt();
  await postgres.resumeAsStandby();
  const reasonOf = (reading: Promise<unknown>) =>
    reading.then(
      () => 'read',
      (error: unknown) => (error as Error).message,
    );
  // What was connected to the server before finds out first.
  await until(async () => (await reasonOf(log.longestLife())) === 'the database is a standby');
  for (const reading of [
    () => log.head(),
    () => log.read(START, 10),
    () => log.permanent({ epoch: 1, seq: 1 }),
    () => log.longestLife(),
    () => replica.get(Epochs).follow(),
  ]) {
    await expect(reading()).rejects.toMatchObject({
      code: 'database_unavailable',
      detail: 'the database is a standby',
    });
  }
  await expect(replica.get(Sessions).end(kept, 'logout')).rejects.toMatchObject({
    code: 'database_unavailable',
  });

  await expect(
    replica.get(AccessTokens).issue([], async () => ({
      sub: 'somebody',
      client: { id: 'first-party' },
      scopes: [],
      roles: [],
    })),
  ).rejects.toMatchObject({ detail: undefined, cause: { message: 'the database is a standby' } });
  // One answer, whether a password is right or not.
  const outcomes = ['right', 'wrong'].map((password) =>
    replica
      .get(SignIn)
      .withPassword('known@example.test', password, {
        clientId: undefined,
        delivery: 'bearer',
        remember: false,
        deviceName: null,
        userAgent: null,
        ip: null,
      })
      .catch((error: unknown) => {
        const { code, detail, retryAfterSeconds } = error as DomainError;
        return { code, detail, retryAfterSeconds };
      }),
  );
  const unavailable = {
    code: 'database_unavailable',
    detail: undefined,
    retryAfterSeconds: undefined,
  };
  expect(await Promise.all(outcomes)).toEqual([unavailable, unavailable]);
  const claims = { jti: 'j', sub: 's', client_id: 'c', iat: 1, exp: 2 };
  await expect(
    replica.get(PresentedTokens).revoke({ kid: 'k', claims } as never),
  ).rejects.toMatchObject({ detail: 'the database is a standby' });

  const heard = frames.length;
  const verifier = startOwnVerifier();
  await until(() => verifier.state().missing.join().includes('the database is a standby'));
  await delay(2_500);
  expect(frames.slice(heard)).toEqual([]);

  await promote();
  await until(
    async () => (await reasonOf(log.head())) === 'read' && (await log.head()).epoch === 2,
  );
  await until(() => verifier.state().missing.length === 0);
  const heartbeat = () =>
    frames.slice(heard).find((frame) => frame.type === 'heartbeat')?.heartbeat.epoch;
  await until(() => heartbeat() !== undefined);
  expect(heartbeat()).toBe(2);
  expect((await log.read(START, 10)).events).toMatchObject([{ epoch: 1, kind: 'sid', id: ended }]);
  expect(await replica.get(Sessions).end(kept, 'logout')).toEqual({ epoch: 2, seq: 1 });
  await verifier.close();
});
