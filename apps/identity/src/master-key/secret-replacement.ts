import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../platform/database.js';
import type { MasterKeys } from '../sealing/master-keys.js';

/** Secrets of one kind, and how to put others in their place. */
export interface ReplacedSecret {
  /** For people. */
  readonly name: string;
  /** Safe to interrupt and to do again. @returns how many were replaced */
  readonly replace: (database: Database, keys: MasterKeys) => Promise<number>;
}

/** By the names of the kinds. */
export type Replacement = Readonly<Record<string, number>>;

/**
 * Puts others in the place of secrets that a thief of the master key may know. To seal them anew would not help: they are known.
 */
export class SecretReplacement {
  constructor(
    private readonly database: Database,
    private readonly secrets: readonly ReplacedSecret[],
    private readonly audit: AuditLog,
  ) {}

  get names(): readonly string[] {
    return this.secrets.map(({ name }) => name);
  }

  /** @param keys under the first of which everything is sealed: call it after the rotation */
  async replace(actor: string, keys: MasterKeys): Promise<Replacement> {
    await this.#record(actor, keys, { began: true });
    const replaced: Record<string, number> = {};
    for (const { name, replace } of this.secrets) {
      replaced[name] = await replace(this.database, keys);
    }
    await this.#record(actor, keys, { replaced });
    return replaced;
  }

  #record(actor: string, keys: MasterKeys, details: Readonly<Record<string, unknown>>) {
    const target = keys.current.id;
    return this.database.transaction((tx) =>
      this.audit.record(tx, { actor, action: 'master_key.replace_secrets', target, details }),
    );
  }
}
