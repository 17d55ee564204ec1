import { setTimeout as delay } from 'node:timers/promises';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../platform/database.js';
import type { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { MasterKeysOutOfOrder, refuseToRotate } from './master-key-order.js';
import type { MasterKeyHolder } from './master-key-order.js';
import type { MasterKeyRegistry } from './master-key-registry.js';
import { countBoxes, sealAnew } from './sealed-boxes.js';
import type { BoxCount } from './sealed-boxes.js';

const PASSES = 120;
const BETWEEN_PASSES_MS = 250;

/** Where one master key stands. */
export interface MasterKeyStanding {
  readonly id: string;
  /** By table. */
  readonly boxes: Readonly<Record<string, number>>;
  /** The running replicas that seal under it, and those that could open what it sealed. */
  readonly sealedWithBy: readonly string[];
  readonly openedBy: readonly string[];
  /** Whether nothing and nobody needs it any more. */
  readonly removable: boolean;
}

export interface MasterKeyStatus {
  readonly keys: readonly MasterKeyStanding[];
  readonly replicas: readonly MasterKeyHolder[];
}

/** What a rotation came to. */
export interface RotatedMasterKey {
  readonly to: string;
  readonly sealedAnew: Readonly<Record<string, number>>;
  /** The master keys under which nothing is sealed any more. */
  readonly unused: readonly string[];
}

/** Secrets that are left under an old master key. What was sealed anew stays so; to run it again is safe. */
export class RotationIncomplete extends Error {
  override readonly name = 'RotationIncomplete';
}

/** Moves every sealed secret to another master key, while identity serves. */
export class MasterKeyRotation {
  constructor(
    private readonly database: Database,
    private readonly registry: MasterKeyRegistry,
    private readonly columns: readonly SealedColumn[],
    private readonly audit: AuditLog,
  ) {}

  async status(): Promise<MasterKeyStatus> {
    const { keys, replicas } = await this.database.run((manager) => this.registry.read(manager));
    const counts = await this.#count();
    const ids = new Set(
      [...keys, ...counts.map(({ masterKeyId: id }) => ({ id }))].map((k) => k.id),
    );
    const standings = [...ids].map((id) => {
      const boxes = Object.fromEntries(
        counts.filter((c) => c.masterKeyId === id).map((c) => [c.table, c.boxes]),
      );
      const sealedWithBy = replicas.filter((r) => r.sealsWith === id).map((r) => r.name);
      const openedBy = replicas.filter((r) => r.opens.includes(id)).map((r) => r.name);
      const seals = keys.some((key) => key.id === id && key.seals);
      const removable = !seals && sealedWithBy.length === 0 && Object.keys(boxes).length === 0;
      return { id, boxes, sealedWithBy, openedBy, removable };
    });
    return { keys: standings, replicas };
  }

  /** How many secrets would be sealed anew. @throws {MasterKeysOutOfOrder} as {@link rotate} would */
  async preview(keys: MasterKeys): Promise<readonly BoxCount[]> {
    await this.#check(keys);
    const counts = await this.#count();
    return counts.filter(({ masterKeyId }) => masterKeyId !== keys.current.id);
  }

  /**
   * Seals everything under the first of these master keys. Safe to interrupt, and to run again.
   *
   * @throws {MasterKeysOutOfOrder} when a running replica could not open the result, or would go on with the old key
   * @throws {RotationIncomplete} when secrets are left under an old key; the message says why
   */
  async rotate(actor: string, keys: MasterKeys): Promise<RotatedMasterKey> {
    await this.#check(keys);
    await this.registry.admit(keys);
    const to = keys.current.id;
    await this.#record(actor, to, { began: true });
    const sealedAnew: Record<string, number> = {};
    for (const column of this.columns) {
      const sealed = await this.#sealColumn(keys, column);
      sealedAnew[column.table] = (sealedAnew[column.table] ?? 0) + sealed;
    }
    const unused = await this.#retireOthers(actor, keys, sealedAnew);
    return { to, sealedAnew, unused };
  }

  async #sealColumn(keys: MasterKeys, column: SealedColumn): Promise<number> {
    let total = 0;
    for (let pass = 1; ; pass += 1) {
      const { sealed, left, unopened } = await sealAnew(this.database, keys, column);
      total += sealed;
      if (unopened.length > 0) {
        const more = unopened.length > 3 ? [`and ${String(unopened.length - 3)} more`] : [];
        throw new RotationIncomplete([...unopened.slice(0, 3), ...more].join('\n'));
      }
      // A pass that has found nothing to do: whatever was written meanwhile is under the new key.
      if (sealed === 0 && left === 0) return total;
      if (left > 0 && pass >= PASSES) {
        throw new RotationIncomplete(
          `${String(left)} row(s) of ${column.table} are held by others: run it again`,
        );
      }
      if (left > 0) await delay(BETWEEN_PASSES_MS);
    }
  }

  /** Notes that the others are not needed, if nobody can have sealed under them meanwhile. */
  async #retireOthers(
    actor: string,
    keys: MasterKeys,
    sealedAnew: Readonly<Record<string, number>>,
  ): Promise<string[]> {
    const to = keys.current.id;
    const left = (await this.#count()).filter(({ masterKeyId }) => masterKeyId !== to);
    if (left.length > 0) {
      throw new RotationIncomplete('something was sealed under an old master key: run it again');
    }
    return this.database.transaction(async (tx) => {
      await this.registry.lock(tx);
      const { keys: known, replicas } = await this.registry.read(tx);
      refuse(refuseToRotate(keys.ids(), known, replicas));
      const others = known.filter(({ id, seals }) => seals && id !== to).map(({ id }) => id);
      await this.registry.noteUnused(tx, others);
      const details = { sealed_anew: sealedAnew, unused: others };
      await this.audit.record(tx, { actor, action: 'master_key.rotate', target: to, details });
      return others;
    });
  }

  async #check(keys: MasterKeys): Promise<void> {
    await this.database.run(async (manager) => {
      refuse(await this.registry.examine(manager, keys));
      const { keys: known, replicas } = await this.registry.read(manager);
      refuse(refuseToRotate(keys.ids(), known, replicas));
    });
  }

  async #count(): Promise<BoxCount[]> {
    const counts = await Promise.all(this.columns.map((one) => countBoxes(this.database, one)));
    return counts.flat();
  }

  #record(actor: string, target: string, details: Readonly<Record<string, unknown>>) {
    return this.database.transaction((tx) =>
      this.audit.record(tx, { actor, action: 'master_key.rotate', target, details }),
    );
  }
}

function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new MasterKeysOutOfOrder(faults);
}
