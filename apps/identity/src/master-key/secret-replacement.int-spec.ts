import { FROM, startPeople } from '../../test/people.js';
import type { People } from '../../test/people.js';
import { startReplica, stopReplicas, TEST_MASTER_KEYS } from '../../test/identity-under-test.js';
import { AuditLog } from '../audit/audit-log.js';
import { EmailTokens } from '../credentials/email-tokens.js';
import { REPLACED_SECRETS } from '../replaced-secrets.js';
import { HeartbeatProof } from '../revocation/heartbeat-proof.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { Refreshes } from '../sessions/refresh/refreshes.js';
import { SecretReplacement } from './secret-replacement.js';

afterAll(stopReplicas);

const keys = MasterKeys.parse(TEST_MASTER_KEYS);
const EMAIL = 'ann@example.test';

async function installation() {
  const people = await startPeople();
  await people.add(EMAIL);
  await people.replica.get(HeartbeatProof).load();
  const { database } = people.replica;
  const replacement = new SecretReplacement(database, REPLACED_SECRETS, new AuditLog(database));
  return { people, replacement };
}
const refresh = ({ replica }: People, token: string | null) =>
  replica.get(Refreshes).refresh(token ?? '', { by: 'bearer', from: FROM });

it('no refresh token of before opens anything; sessions that begin now have nothing to do with it', async () => {
  const { people, replacement } = await installation();
  const before = await Promise.all(Array.from({ length: 3 }, () => people.signIn(EMAIL)));
  const replaced = await replacement.replace('console', keys);
  expect(Object.values(replaced)).toEqual([1, 3, 0]);
  for (const { refreshToken } of before) {
    await expect(refresh(people, refreshToken)).rejects.toMatchObject({
      code: 'refresh_token_rejected',
    });
  }
  // It is not taken for a replay: nothing was used twice.
  const ended = await people.query(`SELECT 1 FROM sessions WHERE ended_at IS NOT NULL`);
  expect(ended).toEqual([]);
  const { refreshToken } = await people.signIn(EMAIL);
  await expect(refresh(people, refreshToken)).resolves.toHaveProperty('accessToken');
});

it('while people refresh without pause, each refresh succeeds or finds its token replaced', async () => {
  const { people, replacement } = await installation();
  const begun = await Promise.all(Array.from({ length: 5 }, () => people.signIn(EMAIL)));
  let going = true;
  const outcomes = Promise.all(
    begun.map(async (session) => {
      let { refreshToken } = session;
      for (let count = 0; going; count += 1) {
        try {
          ({ refreshToken } = await refresh(people, refreshToken));
        } catch (error) {
          return { count, code: (error as { code?: string }).code };
        }
      }
      return { count: 0, code: 'none' };
    }),
  );
  await replacement.replace('console', keys);
  const ended = setTimeout(() => (going = false), 30_000);
  const codes = (await outcomes).map(({ code }) => code);
  clearTimeout(ended);
  expect(new Set(codes)).toEqual(new Set(['refresh_token_rejected']));
});

it('the proof of a heartbeat of before proves nothing, and what derives from its key is another', async () => {
  const { people, replacement } = await installation();
  const known = people.replica.get(HeartbeatProof);
  const [proof, derived] = [known.proofOf({ epoch: 1, seq: 9 }), known.keyFor('a test')];
  await replacement.replace('console', keys);
  const restarted = await startReplica({ databaseUrl: people.replica.databaseUrl });
  const fresh = restarted.get(HeartbeatProof);
  await fresh.load();
  expect(fresh.read(proof)).toBeUndefined();
  expect(known.read(fresh.proofOf({ epoch: 1, seq: 9 }))).toBeUndefined();
  expect(fresh.keyFor('a test').equals(derived)).toBe(false);
});

it('no message of before opens anything, not even one to an earlier address', async () => {
  const { people, replacement } = await installation();
  const [account] = await people.query<{ id: string }>(`SELECT id FROM accounts`);
  const tokens = people.replica.get(EmailTokens);
  const { database } = people.replica;
  const issued = await database.transaction((tx) =>
    tokens.issue(tx, account!.id, 'restore_email', 'earlier@example.test'),
  );
  await database.transaction((tx) => tokens.issue(tx, account!.id, 'reset_password'));
  expect(Object.values(await replacement.replace('console', keys))).toEqual([1, 0, 2]);
  const bearer = database.run((manager) => tokens.bearerOf(manager, issued, 'restore_email'));
  await expect(bearer).resolves.toBeUndefined();
});

it('leaves word of it, and can be done again', async () => {
  const { people, replacement } = await installation();
  await people.signIn(EMAIL);
  const first = await replacement.replace('console', keys);
  expect(await replacement.replace('console', keys)).toEqual(first);
  const rows = await people.query(
    `SELECT actor, target, details FROM audit WHERE action = 'master_key.replace_secrets' ORDER BY id`,
  );
  const word = [{ began: true }, { replaced: first }];
  expect(rows).toEqual(
    [...word, ...word].map((details) => ({ actor: 'console', target: 'k1', details })),
  );
});
