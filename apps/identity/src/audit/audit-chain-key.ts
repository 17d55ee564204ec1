import { randomBytes } from 'node:crypto';
import type { Database } from '../platform/database.js';
import type { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { seal, unseal } from '../sealing/sealed.js';

const BOUND_TO = 'audit-chain-key';

export const SEALED_AUDIT_KEY: SealedColumn = {
  table: 'audit_chain',
  key: { column: 'single', type: 'boolean' },
  box: 'sealed_key',
  masterKey: 'master_key_id',
  boundTo: () => BOUND_TO,
};

interface SealedKeyRow {
  readonly sealed_key: Buffer | null;
  readonly master_key_id: string | null;
}

const openRow = (masterKeys: MasterKeys, row: SealedKeyRow | undefined): Buffer | undefined =>
  row?.sealed_key && row.master_key_id !== null
    ? unseal(masterKeys, { masterKeyId: row.master_key_id, box: row.sealed_key }, BOUND_TO)
    : undefined;

/**
 * Opens the key that chains the audit log, making it when there is none.
 *
 * @throws {UnsealFailed} when it cannot be opened
 */
export function openOrMakeAuditKey(database: Database, masterKeys: MasterKeys): Promise<Buffer> {
  return database.transaction(async (tx) => {
    const [row] = await tx.query<SealedKeyRow[]>(
      `SELECT sealed_key, master_key_id FROM audit_chain FOR UPDATE`,
    );
    const known = openRow(masterKeys, row);
    if (known) return known;
    const key = randomBytes(32);
    const { box, masterKeyId } = seal(masterKeys, key, BOUND_TO);
    await tx.query(`UPDATE audit_chain SET sealed_key = $1, master_key_id = $2`, [
      box,
      masterKeyId,
    ]);
    return key;
  });
}

/** Opens it without making one; `undefined` when there is none. @throws {UnsealFailed} when it cannot be opened */
export async function openAuditKey(
  database: Database,
  masterKeys: MasterKeys,
): Promise<Buffer | undefined> {
  const [row] = await database.run((manager) =>
    manager.query<SealedKeyRow[]>(`SELECT sealed_key, master_key_id FROM audit_chain`),
  );
  return openRow(masterKeys, row);
}
