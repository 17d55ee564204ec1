import type { KeyObject } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { AuditLog } from '../audit/audit-log.js';
import type { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import type { MasterKeys } from '../sealing/master-keys.js';
import { MOST_PUBLISHED } from './rotation-plan.js';
import { NOTING_CHANGE, storeKey } from './rotation-steps.js';
import { sealSigningKey } from './sealed-signing-key.js';
import { requireSoundRsaKey } from './sound-rsa-key.js';

/** How many keys may wait to sign. */
const MOST_PREPARED = 4;

export interface ImportedKey {
  readonly kid: string;
  readonly bits: number;
}

/** Brings in a private key that was made elsewhere. It waits to sign like any other: after those that were prepared before it. */
export class KeyImport {
  constructor(
    private readonly database: Database,
    private readonly masterKeys: MasterKeys,
    private readonly audit: AuditLog,
  ) {}

  /**
   * @param dryRun look at everything, and change nothing
   * @throws {UnusablePrivateKey} when the key is weak or malformed
   * @throws {DomainError} `signing_key_revoked`, `signing_key_exists`, `too_many_signing_keys`
   */
  async import(actor: string, privateKey: KeyObject, dryRun = false): Promise<ImportedKey> {
    await requireSoundRsaKey(privateKey);
    const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
    const key = await sealSigningKey(this.masterKeys, privateKey);
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ ...KEY_RING_LOCK, mode: 'exclusive' }]);
      await requireNewKey(tx, key.kid);
      if (dryRun) return;
      const acting = { tx, audit: this.audit, actor };
      await storeKey(acting, key, 'prepared');
      await this.audit.record(tx, {
        actor,
        action: 'key.import',
        target: key.kid,
        details: { bits },
      });
      await tx.query(NOTING_CHANGE);
    });
    return { kid: key.kid, bits };
  }
}

/** A kid is the thumbprint of its key, so whoever has been here once is known, whatever became of it. */
async function requireNewKey(tx: EntityManager, kid: string): Promise<void> {
  const [known] = await tx.query<
    [{ state: string | null; revoked: boolean; prepared: number; published: number }]
  >(
    `SELECT (SELECT state FROM signing_keys WHERE kid = $1) AS state,
       EXISTS (SELECT FROM revocations WHERE kind = 'kid' AND id = $1) AS revoked,
       count(*) FILTER (WHERE state = 'prepared')::integer AS prepared, count(*)::integer AS published
     FROM signing_keys WHERE state IN ('prepared', 'active', 'retired')`,
    [kid],
  );
  if (known.revoked || known.state === 'revoked') {
    throw new DomainError('signing_key_revoked', `${kid} was revoked, and that is for ever`);
  }
  if (known.state !== null) {
    throw new DomainError('signing_key_exists', `${kid} is here already: it is ${known.state}`);
  }
  if (known.prepared >= MOST_PREPARED) {
    throw new DomainError(
      'too_many_signing_keys',
      `${String(known.prepared)} keys wait to sign already; another one can come when one of them signs`,
    );
  }
  if (known.published >= MOST_PUBLISHED) {
    throw new DomainError(
      'too_many_signing_keys',
      `${String(known.published)} keys are published already; another one can come when a retired one is purged`,
    );
  }
}
