import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { AuditLog } from '../audit/audit-log.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { KeyImport } from './key-import.js';
import { KeyRevocation } from './key-revocation.js';
import { KeyRing } from './key-ring.js';
import { KeyRotation } from './key-rotation.js';

afterAll(stopReplicas);

const newKey = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const importInto = (replica: Replica, key = newKey(), dryRun = false) =>
  new KeyImport(replica.database, replica.get(MasterKeys), replica.get(AuditLog)).import(
    'console',
    key,
    dryRun,
  );
const sql = (replica: Replica, text: string) =>
  replica.database.run((manager) => manager.query<Record<string, unknown>[]>(text));
const ringOf = (replica: Replica) =>
  sql(replica, `SELECT kid, state, version FROM signing_keys, key_ring ORDER BY kid`);
async function start() {
  const replica = await startReplica();
  await replica.get(KeyRing).load();
  await sql(replica, `UPDATE check_in_clock SET ran_ms = ran_ms + 1000`);
  return replica;
}

it('an imported key is published, under its thumbprint, and signs after the one that was prepared before it', async () => {
  const replica = await start();
  const [active, prepared] = replica.get(KeyRing).document().keys;
  const key = newKey();
  const { n = '', e = '' } = createPublicKey(key).export({ format: 'jwk' });
  const kid = await calculateJwkThumbprint({ kty: 'RSA', n, e });
  expect(await importInto(replica, key)).toEqual({ kid, bits: 2048 });
  await replica.get(KeyRing).follow();
  expect(replica.get(KeyRing).document().keys).toEqual([
    active,
    prepared,
    { kty: 'RSA', n, e, alg: 'RS256', use: 'sig', kid },
  ]);
  expect((await replica.get(KeyRotation).plan()).plan).toMatchObject({
    steps: [],
    waiting: { kid: prepared!.kid },
  });
  const rotate = () => replica.get(KeyRotation).request('operator:ann', { forced: true });
  await rotate();
  await rotate();
  const signer = await replica.database.transaction((tx) => replica.get(KeyRing).activeSigner(tx));
  expect(signer.kid).toBe(kid);
  expect(
    await sql(
      replica,
      `SELECT actor, details FROM audit WHERE action = 'key.import' AND target = '${kid}'`,
    ),
  ).toEqual([{ actor: 'console', details: { bits: 2048 } }]);
  const [stored] = await sql(
    replica,
    `SELECT sealed_private_key AS box FROM signing_keys WHERE kid = '${kid}'`,
  );
  const box = stored!['box'] as Buffer;
  expect(box.includes(Buffer.from(n, 'base64url'))).toBe(false);
});

it('what is here already, or was revoked, is refused, and nothing changes', async () => {
  const replica = await start();
  const key = newKey();
  const { kid } = await importInto(replica, key);
  const before = await ringOf(replica);
  await expect(importInto(replica, key)).rejects.toThrow(`${kid} is here already: it is prepared`);
  await expect(importInto(replica, newKey(), true)).resolves.toMatchObject({ bits: 2048 });
  expect(await ringOf(replica)).toEqual(before);
  await replica.get(KeyRevocation).revoke('operator:ann', kid, { reason: 'lost', fresh: false });
  const revoked = await ringOf(replica);
  await expect(importInto(replica, key)).rejects.toMatchObject({ code: 'signing_key_revoked' });
  // Even if the ring has forgotten it, as after a restored dump: the log of revocations has not.
  await sql(replica, `DELETE FROM signing_keys WHERE kid = '${kid}'`);
  await expect(importInto(replica, key)).rejects.toMatchObject({ code: 'signing_key_revoked' });
  expect((await ringOf(replica)).length).toBe(revoked.length - 1);
});

it('a weak key is refused before anything happens', async () => {
  const replica = await start();
  const before = await ringOf(replica);
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  await expect(importInto(replica, weak)).rejects.toThrow(/1024 bits/);
  expect(await ringOf(replica)).toEqual(before);
});

it('no more keys wait to sign than a key set can hold', async () => {
  const replica = await start();
  for (let n = 0; n < 3; n += 1) await importInto(replica);
  await expect(importInto(replica)).rejects.toMatchObject({ code: 'too_many_signing_keys' });
});

it('no more keys are published than a key set can hold, retired ones included', async () => {
  const replica = await start();
  await sql(
    replica,
    `INSERT INTO signing_keys (kid, state, public_jwk, prepared_at, prepared_ms, retired_ms, tokens_until)
     SELECT 'retired ' || n, 'retired', '{}', now(), 0, 0, 'infinity' FROM generate_series(1, 27) AS n`,
  );
  await importInto(replica);
  await expect(importInto(replica)).rejects.toMatchObject({
    code: 'too_many_signing_keys',
    detail: expect.stringMatching(/^30 keys are published/),
  });
});
