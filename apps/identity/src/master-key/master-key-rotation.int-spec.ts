import { setTimeout as delay } from 'node:timers/promises';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { AuditLog } from '../audit/audit-log.js';
import { HeartbeatProof } from '../revocation/heartbeat-proof.js';
import { SEALED_COLUMNS } from '../sealed-columns.js';
import { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { seal, unseal } from '../sealing/sealed.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { MasterKeyRegistry } from './master-key-registry.js';
import { MasterKeyRotation } from './master-key-rotation.js';

afterAll(stopReplicas);

const line = (id: string, fill: number) => `${id} ${Buffer.alloc(32, fill).toString('base64url')}`;
const keysOf = (...lines: string[]) => MasterKeys.parse(lines.join('\n'));
const [k1, k2] = [line('k1', 1), line('k2', 2)];
const [before, during, reversed, after] = [
  keysOf(k1),
  keysOf(k1, k2),
  keysOf(k2, k1),
  keysOf(k2),
] as const;

const NOTES: SealedColumn = {
  table: 'notes',
  key: { column: 'id', type: 'bigint' },
  box: 'box',
  masterKey: 'master_key_id',
  boundTo: (key) => `note:${key}`,
};

const HELD = `SELECT 1 FROM pg_locks WHERE relation = 'notes'::regclass AND mode = 'RowShareLock'`;

/** Identity's own secrets, and a table with `notes` secrets besides. */
async function installation(notes = 0) {
  const replica = await startReplica();
  const sql = <T = unknown>(text: string, values: unknown[] = []) =>
    replica.database.run((manager) => manager.query<T[]>(text, values));
  await sql(`CREATE TABLE notes (id bigint PRIMARY KEY, box bytea, master_key_id text)`);
  await addNotes(replica, before, 1, notes);
  const columns = [...SEALED_COLUMNS, NOTES];
  const registry = new MasterKeyRegistry(replica.database, columns);
  await registry.admit(before);
  await replica.get(HeartbeatProof).load();
  await replica.get(KeyRing).load();
  const audit = new AuditLog(replica.database);
  const rotation = new MasterKeyRotation(replica.database, registry, columns, audit);
  return { replica, sql, registry, rotation };
}

async function addNotes(replica: Replica, keys: MasterKeys, from: number, to: number) {
  const ids = Array.from({ length: to - from + 1 }, (_, n) => from + n);
  const boxes = ids.map((id) =>
    seal(keys, Buffer.from(`secret ${String(id)}`), `note:${String(id)}`),
  );
  await replica.database.run((manager) =>
    manager.query(
      `INSERT INTO notes SELECT id, box, $3 FROM unnest($1::bigint[], $2::bytea[]) AS n (id, box)`,
      [ids, boxes.map(({ box }) => box), keys.current.id],
    ),
  );
}

/** What the notes say, opened with these keys alone. */
async function readNotes(replica: Replica, keys: MasterKeys): Promise<string[]> {
  const rows = await replica.database.run((manager) =>
    manager.query<{ id: string; box: Buffer; master_key_id: string }[]>(
      `SELECT * FROM notes WHERE box IS NOT NULL ORDER BY id`,
    ),
  );
  return rows.map(({ id, box, master_key_id: masterKeyId }) =>
    unseal(keys, { box, masterKeyId }, `note:${id}`).toString(),
  );
}
const texts = (count: number) => Array.from({ length: count }, (_, n) => `secret ${String(n + 1)}`);
const holder = (n: number) => ({
  instanceId: `00000000-0000-4000-8000-00000000000${String(n)}`,
  name: `replica ${String(n)}`,
});

it('every column that holds sealed secrets is in the list', async () => {
  const replica = await startReplica();
  const rows = await replica.database.run((manager) =>
    manager.query<{ name: string }[]>(
      `SELECT table_name AS name FROM information_schema.columns WHERE column_name LIKE '%master_key_id%' ORDER BY 1`,
    ),
  );
  const listed = SEALED_COLUMNS.map(({ table }) => table).sort();
  expect(rows.map(({ name }) => name)).toEqual(listed);
});

it('every secret opens with the new master key alone, and says the same', async () => {
  const { replica, sql, registry, rotation } = await installation(1_201);
  await sql(`UPDATE notes SET box = NULL, master_key_id = NULL WHERE id = 1201`);
  const proof = replica.get(HeartbeatProof).proofOf({ epoch: 1, seq: 5 });
  expect(await rotation.preview(reversed)).toEqual([
    { table: 'signing_keys', masterKeyId: 'k1', boxes: 2 },
    { table: 'revocation_head', masterKeyId: 'k1', boxes: 1 },
    { table: 'notes', masterKeyId: 'k1', boxes: 1_200 },
  ]);
  expect(await rotation.rotate('console', reversed)).toEqual({
    to: 'k2',
    sealedAnew: expect.objectContaining({ signing_keys: 2, revocation_head: 1, notes: 1_200 }),
    unused: ['k1'],
  });

  await registry.admit(after);
  const other = await startReplica({ databaseUrl: replica.databaseUrl, masterKeys: k2 });
  await other.get(HeartbeatProof).load();
  await other.get(KeyRing).load();
  expect(other.get(HeartbeatProof).read(proof)).toEqual({ epoch: 1, seq: 5 });
  expect(other.get(KeyRing).canSign()).toBe(true);
  expect(await readNotes(replica, after)).toEqual(texts(1_200));
  const rows = await sql<{ actor: string; details: object }>(
    `SELECT actor, details FROM audit WHERE action = 'master_key.rotate' AND target = 'k2' ORDER BY id`,
  );
  expect(rows).toEqual([
    { actor: 'console', details: { began: true } },
    { actor: 'console', details: expect.objectContaining({ unused: ['k1'] }) },
  ]);
});

it('what is written meanwhile is not lost, and a row that is held is waited for, not passed over', async () => {
  const { replica, sql, rotation } = await installation(700);
  const holding = replica.database.transaction(async (tx) => {
    await tx.query(`SELECT 1 FROM notes WHERE id = 3 FOR UPDATE`);
    const left = `SELECT 1 FROM notes WHERE master_key_id = 'k1'`;
    while ((await tx.query<unknown[]>(left)).length !== 1) await delay(20);
    const { box } = seal(before, Buffer.from('written meanwhile'), 'note:3');
    await tx.query(`UPDATE notes SET box = $1 WHERE id = 3`, [box]);
    await addNotes(replica, reversed, 701, 701);
  });
  // The row is held before anything is sealed anew.
  while ((await sql(HELD)).length === 0) await delay(20);
  const [{ unused }] = await Promise.all([rotation.rotate('console', reversed), holding]);
  expect(unused).toEqual(['k1']);
  const expected = [...texts(701)];
  expected[2] = 'written meanwhile';
  expect(await readNotes(replica, after)).toEqual(expected);
});

it('can be interrupted, and run again', async () => {
  const { replica, sql, rotation } = await installation(1_100);
  await sql(`ALTER TABLE notes ADD CONSTRAINT stop CHECK (id < 1000 OR master_key_id = 'k1')`);
  await expect(rotation.rotate('console', reversed)).rejects.toThrow(/violates check constraint/);
  const { keys } = await rotation.status();
  expect(keys.map(({ id, boxes, removable }) => [id, boxes['notes'], removable])).toEqual([
    ['k1', 600, false],
    ['k2', 500, false],
  ]);
  await sql(`ALTER TABLE notes DROP CONSTRAINT stop`);
  expect((await rotation.rotate('console', reversed)).sealedAnew['notes']).toBe(600);
  expect(await readNotes(replica, after)).toEqual(texts(1_100));
  expect((await rotation.rotate('console', reversed)).sealedAnew['notes']).toBe(0);
});

it('a secret that does not open stays as it is, is named, and keeps the old key needed', async () => {
  const { sql, rotation } = await installation(3);
  await sql(`UPDATE notes SET box = set_byte(box, 20, get_byte(box, 20) # 1) WHERE id = 2`);
  await expect(rotation.rotate('console', reversed)).rejects.toThrow(
    /^note:2 cannot be opened with master key "k1"/,
  );
  const { keys } = await rotation.status();
  expect(keys.find(({ id }) => id === 'k1')).toMatchObject({
    boxes: { notes: 1 },
    removable: false,
  });
});

describe('the order of a change', () => {
  it('is kept by refusals that name who is behind, and change nothing', async () => {
    const { sql, registry, rotation } = await installation(1);
    const boxes = () => sql(`SELECT * FROM signing_keys, revocation_head, notes`);
    const untouched = await boxes();
    await registry.admit(before, holder(1));
    await registry.admit(before, holder(2));
    await expect(rotation.rotate('console', before)).resolves.toMatchObject({ unused: [] });

    // The new key as the first line at once: the others could not open what this replica seals.
    await expect(registry.admit(reversed, holder(1))).rejects.toThrow(
      /"k2" cannot be the first line yet: replica 2 does not have it/,
    );
    await restart(registry, 1, during);
    await expect(rotation.rotate('console', reversed)).rejects.toThrow(/replica 2 does not have/);
    await expect(rotation.preview(reversed)).rejects.toThrow(/replica 2 does not have/);
    await restart(registry, 2, during);
    await expect(rotation.rotate('console', reversed)).rejects.toThrow(
      /replica 1 still seals under "k1"[^]*replica 2 still seals under "k1"/,
    );
    await restart(registry, 1, reversed);
    await expect(rotation.rotate('console', reversed)).rejects.toThrow(
      /^replica 2 still seals under "k1"/,
    );
    await restart(registry, 2, reversed);
    // The old key goes away too soon.
    await expect(registry.admit(after, holder(1))).rejects.toThrow(/"k1" is missing/);
    await expect(rotation.rotate('console', after)).rejects.toThrow(/"k1" is missing/);
    expect(await boxes()).toEqual(untouched);

    expect((await rotation.rotate('console', reversed)).unused).toEqual(['k1']);
    await restart(registry, 1, after);
    expect((await rotation.status()).keys).toEqual([
      expect.objectContaining({ id: 'k2', sealedWithBy: ['replica 1', 'replica 2'] }),
      { id: 'k1', boxes: {}, sealedWithBy: [], openedBy: ['replica 2'], removable: true },
    ]);
    // Back to the old order, once somebody has dropped the old key.
    await expect(registry.admit(during, holder(2))).rejects.toThrow(/replica 1 does not have it/);
  });

  it('a master key of the right id and another value is refused, wherever it stands', async () => {
    const { registry, rotation } = await installation();
    const wrong = line('k1', 9);
    for (const keys of [keysOf(wrong), keysOf(k2, wrong)]) {
      await expect(registry.admit(keys)).rejects.toThrow(/"k1" is another one than the one/);
      await expect(rotation.rotate('console', keys)).rejects.toThrow(/"k1" is another one/);
    }
    // One that a replica has, though nothing is sealed under it yet.
    await registry.admit(during, holder(1));
    const otherK2 = keysOf(k1, line('k2', 9));
    await expect(registry.admit(otherK2, holder(2))).rejects.toThrow(/"k2" is another one/);
    // When nobody has it any more, it was a slip.
    await registry.noteGone(holder(1));
    await registry.admit(otherK2, holder(2));
  });

  it('a database from before master keys were registered knows the right one by what it sealed', async () => {
    const { sql, registry } = await installation();
    await sql(`UPDATE master_keys SET check_box = NULL`);
    await expect(registry.admit(keysOf(line('k1', 9)))).rejects.toThrow(/"k1" is another one/);
    await registry.admit(before);
  });

  it('a replica that has been silent for a minute does not count, and is told what it lacks', async () => {
    const { sql, registry } = await installation();
    await registry.admit(before, holder(1));
    await sql(`UPDATE master_key_holders SET seen_at = seen_at - interval '61 seconds'`);
    await registry.admit(reversed, holder(2));
    expect(await registry.noteAlive(before, holder(1))).toEqual(['k2']);
    expect(await registry.noteAlive(reversed, holder(2))).toEqual([]);

    // Who never said goodbye is forgotten.
    await sql(
      `UPDATE master_key_holders SET seen_at = seen_at - interval '2 days' WHERE seals_with = 'k1'`,
    );
    await registry.admit(reversed, holder(3));
    expect(await sql(`SELECT name FROM master_key_holders ORDER BY 1`)).toEqual([
      { name: 'replica 2' },
      { name: 'replica 3' },
    ]);
  });
});

async function restart(registry: MasterKeyRegistry, n: number, keys: MasterKeys): Promise<void> {
  await registry.noteGone(holder(n));
  await registry.admit(keys, holder(n));
}
