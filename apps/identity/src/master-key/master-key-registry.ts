import type { EntityManager } from 'typeorm';
import type { Database } from '../platform/database.js';
import type { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { seal, unseal, UnsealFailed } from '../sealing/sealed.js';
import { MasterKeysOutOfOrder, refuseToSeal } from './master-key-order.js';
import type { KnownMasterKey, MasterKeyHolder } from './master-key-order.js';

/** For how long a replica counts that says nothing, seconds. */
const HOLDER_COUNTS_SECONDS = 60;
const CHECK = Buffer.from('countersign');
const checkFor = (id: string) => `master-key-check:${id}`;

interface RegisteredKey extends KnownMasterKey {
  readonly checkBox: Buffer | null;
}

/** Who says that they have these master keys. */
export interface HolderIdentity {
  readonly instanceId: string;
  /** For people. */
  readonly name: string;
}

/**
 * What the database knows of master keys: which of them seal something, a box under each that tells whether somebody has the
 * right one, and which running replicas have which.
 */
export class MasterKeyRegistry {
  constructor(
    private readonly database: Database,
    private readonly columns: readonly SealedColumn[],
  ) {}

  /**
   * Lets a process seal with its master keys, and notes that it has them. Call it before anything is sealed or opened.
   *
   * @param holder left out by who does not go on running
   * @throws {MasterKeysOutOfOrder} when they are not the right ones, or it would seal what a running replica cannot open
   */
  async admit(keys: MasterKeys, holder?: HolderIdentity): Promise<void> {
    await this.database.transaction(async (tx) => {
      await this.lock(tx);
      const faults = await this.examine(tx, keys, holder);
      if (faults.length > 0) throw new MasterKeysOutOfOrder(faults);
      await tx.query(
        `DELETE FROM master_key_holders WHERE seen_at < clock_timestamp() - interval '1 day'`,
      );
      for (const id of keys.ids()) await register(tx, keys, id);
      if (holder) await noteHolder(tx, keys, holder);
    });
  }

  /** Who starts at the same moment waits, and then finds what was decided here. */
  async lock(tx: EntityManager): Promise<void> {
    await tx.query(`LOCK TABLE master_keys IN SHARE ROW EXCLUSIVE MODE`);
  }

  /** Why {@link admit} would refuse. */
  async examine(
    manager: EntityManager,
    keys: MasterKeys,
    holder?: HolderIdentity,
  ): Promise<string[]> {
    const known = await readKeys(manager);
    const holders = await readHolders(manager, holder?.instanceId);
    return [
      ...(await this.#wrongValues(manager, keys, known, holders)),
      ...refuseToSeal(keys.ids(), known, holders),
    ];
  }

  /** Notes that a replica goes on running. @returns the ids of the master keys that it lacks */
  noteAlive(keys: MasterKeys, holder: HolderIdentity): Promise<string[]> {
    return this.database.run(async (manager) => {
      await noteHolder(manager, keys, holder);
      const known = await readKeys(manager);
      return known.filter(({ id, seals }) => seals && !keys.get(id)).map(({ id }) => id);
    });
  }

  async noteGone({ instanceId }: HolderIdentity): Promise<void> {
    await this.database.run((manager) =>
      manager.query(`DELETE FROM master_key_holders WHERE instance_id = $1`, [instanceId]),
    );
  }

  /** The master keys and the running replicas. */
  async read(
    manager: EntityManager,
  ): Promise<{ keys: KnownMasterKey[]; replicas: MasterKeyHolder[] }> {
    return { keys: await readKeys(manager), replicas: await readHolders(manager) };
  }

  /** Notes that nothing is sealed under these master keys any more. */
  async noteUnused(tx: EntityManager, ids: readonly string[]): Promise<void> {
    await tx.query(`UPDATE master_keys SET sealing_since = NULL WHERE id = ANY($1)`, [ids]);
  }

  async #wrongValues(
    manager: EntityManager,
    keys: MasterKeys,
    known: readonly RegisteredKey[],
    holders: readonly MasterKeyHolder[],
  ): Promise<string[]> {
    const faults: string[] = [];
    for (const { id, seals, checkBox } of known) {
      if (!keys.get(id)) continue;
      const box = checkBox
        ? { box: checkBox, boundTo: checkFor(id) }
        : await this.#anyBox(manager, id);
      const matters = seals || holders.some(({ opens }) => opens.includes(id));
      if (!box || !matters || opens(keys, id, box)) continue;
      faults.push(`the master key "${id}" is another one than the one that this database knows`);
    }
    return faults;
  }

  /** For a master key from before check boxes. */
  async #anyBox(manager: EntityManager, id: string) {
    for (const { table, key, box, masterKey, boundTo } of this.columns) {
      const [row] = await manager.query<{ key: string; box: Buffer }[]>(
        `SELECT ${key.column}::text AS key, ${box} AS box FROM ${table} WHERE ${masterKey} = $1 LIMIT 1`,
        [id],
      );
      if (row) return { box: row.box, boundTo: boundTo(row.key) };
    }
    return undefined;
  }
}

function opens(keys: MasterKeys, masterKeyId: string, at: { box: Buffer; boundTo: string }) {
  try {
    unseal(keys, { masterKeyId, box: at.box }, at.boundTo);
    return true;
  } catch (error) {
    if (error instanceof UnsealFailed) return false;
    throw error;
  }
}

function readKeys(manager: EntityManager): Promise<RegisteredKey[]> {
  return manager.query<RegisteredKey[]>(
    `SELECT id, sealing_since IS NOT NULL AS seals, check_box AS "checkBox" FROM master_keys ORDER BY sealing_since, id`,
  );
}

function readHolders(manager: EntityManager, without?: string): Promise<MasterKeyHolder[]> {
  return manager.query<MasterKeyHolder[]>(
    `SELECT name, seals_with AS "sealsWith", opens FROM master_key_holders
     WHERE seen_at > clock_timestamp() - make_interval(secs => $1) AND instance_id IS DISTINCT FROM $2 ORDER BY name`,
    [HOLDER_COUNTS_SECONDS, without ?? null],
  );
}

async function register(tx: EntityManager, keys: MasterKeys, id: string): Promise<void> {
  const [current] = keys.ids();
  const { box } = seal(keys.only(id), CHECK, checkFor(id));
  await tx.query(
    `INSERT INTO master_keys AS known (id, check_box, sealing_since)
     VALUES ($1, $2, CASE WHEN $3 THEN clock_timestamp() END)
     ON CONFLICT (id) DO UPDATE SET check_box = excluded.check_box,
       sealing_since = coalesce(known.sealing_since, excluded.sealing_since)`,
    [id, box, id === current],
  );
}

async function noteHolder(
  manager: EntityManager,
  keys: MasterKeys,
  { instanceId, name }: HolderIdentity,
): Promise<void> {
  const opens = keys.ids();
  await manager.query(
    `INSERT INTO master_key_holders (instance_id, name, seals_with, opens, seen_at)
     VALUES ($1, $2, $3, $4, clock_timestamp())
     ON CONFLICT (instance_id) DO UPDATE SET seen_at = clock_timestamp()`,
    [instanceId, name, opens[0], opens],
  );
}
