import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { compactVerify, createLocalJWKSet } from 'jose';
import { startReplica, stopReplicas, TEST_MASTER_KEYS } from '../../test/identity-under-test.js';
import { encodeAccessToken } from '../access-tokens/encode-access-token.js';
import { AuditLog } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Clock } from '../platform/clock.js';
import { HeldKeys } from '../relying-services/held-keys.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { seal, unseal } from '../sealing/sealed.js';
import type { Sealed } from '../sealing/sealed.js';
import { KeyRing } from './key-ring.js';
import { KeyRotation } from './key-rotation.js';
import { KeyVault } from './key-vault.js';
import type { NewSigningKey } from './key-vault.js';
import type { Signer } from './signer.js';
import { SigningKey } from './signing-key.js';

afterAll(stopReplicas);

const otherKey = `k1 ${Buffer.alloc(32, 9).toString('base64url')}\n`;
const newerKey = `k2 ${Buffer.alloc(32, 2).toString('base64url')}\n`;

it('replicas that start at once on an empty ring make one key that signs and one that is prepared, and publish the same bytes', async () => {
  const first = await startReplica();
  const others = [
    await startReplica({ databaseUrl: first.databaseUrl }),
    await startReplica({ databaseUrl: first.databaseUrl }),
  ];
  const rings = [first, ...others].map((replica) => replica.get(KeyRing));
  await Promise.all(rings.map((ring) => ring.load()));
  const documents = rings.map((ring) => ring.document());
  expect(documents[0]!.keys).toHaveLength(2);
  const states = await first.database.run((manager) =>
    manager.query(`SELECT state FROM signing_keys ORDER BY state`),
  );
  expect(states).toEqual([{ state: 'active' }, { state: 'prepared' }]);
  expect(new Set(documents.map(({ body }) => body)).size).toBe(1);
  expect(new Set(documents.map(({ etag }) => etag)).size).toBe(1);
});

it('the private key is not in the database, in any spelling of its parts', async () => {
  const replica = await startReplica();
  await replica.get(KeyRing).load();
  const key = await replica.database.run((manager) =>
    manager.findOneByOrFail(SigningKey, { state: 'active' }),
  );
  expect(Object.keys(key.publicJwk).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  // A PKCS #8 key names its algorithm in clear: the object identifier of rsaEncryption.
  expect(key.sealedPrivateKey!.includes(Buffer.from('2a864886f70d010101', 'hex'))).toBe(false);
  expect(key.sealedPrivateKey!.includes(Buffer.from(key.publicJwk.n!, 'base64url'))).toBe(false);
});

it.each([
  ['another value under the same id', otherKey, /has another value/],
  ['another id', newerKey, /does not hold/],
])('a master key with %s stops the start, and says why', async (_name, masterKeys, message) => {
  const replica = await startReplica();
  await replica.get(KeyRing).load();
  const sql = (text: string) => replica.database.run((manager) => manager.query<unknown[]>(text));
  await sql(`DELETE FROM signing_keys WHERE state = 'prepared'`);
  const changed = await startReplica({ databaseUrl: replica.databaseUrl, masterKeys });
  await expect(changed.get(KeyRing).load()).rejects.toThrow(message);
  // It has not added a key that the others could not open.
  expect(await sql(`SELECT state FROM signing_keys`)).toEqual([{ state: 'active' }]);
});

it('an older master key still opens when it is not the first any more', async () => {
  const replica = await startReplica();
  await replica.get(KeyRing).load();
  const changed = await startReplica({
    databaseUrl: replica.databaseUrl,
    masterKeys: newerKey + TEST_MASTER_KEYS,
  });
  await changed.get(KeyRing).load();
  expect(changed.get(KeyRing).document().body).toBe(replica.get(KeyRing).document().body);
});

it('a sealed key that was moved to another row does not open', async () => {
  const replica = await startReplica();
  await replica.get(KeyRing).load();
  await replica.database.run((manager) =>
    manager.query(`UPDATE signing_keys SET kid = 'moved' WHERE state = 'active'`),
  );
  const other = await startReplica({ databaseUrl: replica.databaseUrl });
  await expect(other.get(KeyRing).load()).rejects.toThrow(/signing-key:moved cannot be opened/);
});

it.each([
  ['nothing is in sight', null, 300],
  ['a change is far away', 5_000, 300],
  ['a change is near', 100.9, 100],
  ['a change is due', 0, 30],
])('the key set may be cached when %s', async (_name, nextChangeIn, seconds) => {
  const replica = await startReplica();
  const ring = replica.get(KeyRing);
  jest.spyOn(replica.get(Clock), 'now').mockReturnValue(new Date(1_800_000_000_000));
  ring.noteNextChange(nextChangeIn);
  expect(ring.cacheSeconds()).toBe(seconds);
});

/** Keys whose private half never comes here, as in an HSM: what is stored is a name, and to sign is to ask. */
class RemoteVault extends KeyVault {
  readonly #keys = new Map<string, KeyObject>();

  constructor(private readonly masterKeys: MasterKeys) {
    super();
  }

  make(): Promise<NewSigningKey> {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
    const kid = `remote-${String(this.#keys.size + 1)}`;
    this.#keys.set(kid, privateKey);
    const publicJwk = { kty: 'RSA', n, e, alg: 'RS256', use: 'sig', kid };
    const name = seal(this.masterKeys, Buffer.from(`hsm:${kid}`), `signing-key:${kid}`);
    return Promise.resolve({ kid, publicJwk, privateKey: name });
  }

  open(kid: string, sealed: Sealed): Signer {
    const name = unseal(this.masterKeys, sealed, `signing-key:${kid}`).toString();
    return {
      kid,
      sign: async (content) => {
        await delay(5);
        return sign('sha256', content, this.#keys.get(name.slice(4))!);
      },
    };
  }
}

it('keys may live in another machine: the ring signs by asking for it', async () => {
  const replica = await startReplica();
  const { database } = replica;
  const vault = new RemoteVault(replica.get(MasterKeys));
  const config = replica.get(IdentityConfig);
  const heldKeys = replica.get(HeldKeys);
  const rotation = new KeyRotation(config, database, vault, heldKeys, replica.get(AuditLog));
  const ring = new KeyRing(config, database, vault, rotation, replica.get(Clock));
  await ring.load();
  const signer = await database.transaction((tx) => ring.activeSigner(tx));
  expect(signer.kid).toBe('remote-1');
  const claims = {
    iss: 'i',
    sub: 's',
    aud: ['a'],
    exp: 2e9,
    iat: 1,
    jti: 'j',
    client_id: 'c',
    scope: '',
  };
  const token = await encodeAccessToken(signer, claims);
  const keys = createLocalJWKSet({ keys: [...ring.document().keys] });
  const verified = await compactVerify(token, keys);
  expect(verified.protectedHeader).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: 'remote-1' });
  expect(JSON.parse(Buffer.from(verified.payload).toString())).toEqual(claims);
});

it('the database itself refuses a second key that signs', async () => {
  const replica = await startReplica();
  await replica.get(KeyRing).load();
  const second = replica.database.run((manager) =>
    manager.query(
      `UPDATE signing_keys SET state = 'active', activated_at = now(), activated_ms = 0 WHERE state = 'prepared'`,
    ),
  );
  await expect(second).rejects.toThrow(/signing_keys_one_active/);
});
