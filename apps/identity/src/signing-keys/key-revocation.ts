import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { RevocationEvent } from '@countersign/revocation';
import { AuditLog } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, lockingStatement, takeLocks } from '../platform/locks.js';
import { HeldKeys } from '../relying-services/held-keys.js';
import { IDENTITY_SERVICE } from '../relying-services/relying-services.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { ACTIVE_KID } from './key-ring.js';
import { KeyVault } from './key-vault.js';
import { activating, addKey, ending, NOTING_CHANGE, recordActivation } from './rotation-steps.js';
import type { SigningKeyState } from './signing-key.js';

/** How long identity's replicas may take to publish a fresh key before it signs regardless, milliseconds: a thief is in meanwhile. */
const PUBLISHED_WITHIN_MS = 300;
const LOOK_AGAIN_MS = 25;

/** How a key is revoked. */
export interface KeyRevocationOrder {
  /** For the audit log. */
  readonly reason: string;
  /** If the key signs, let a key sign that has just been made, not the prepared one: that may be stolen too. */
  readonly fresh: boolean;
  /** Somebody waits for the receipts. */
  readonly receiptWanted?: boolean;
}

export interface RevokedKey {
  readonly event: RevocationEvent;
  /** The key that signs from here on. */
  readonly signs: string;
}

/** Withdraws a key at once, with every token that it signed, for ever. For a key that is, or may be, in other hands. */
@Injectable()
export class KeyRevocation {
  constructor(
    private readonly database: Database,
    private readonly vault: KeyVault,
    private readonly heldKeys: HeldKeys,
    private readonly revocations: RevocationLog,
    private readonly audit: AuditLog,
  ) {}

  /**
   * In one transaction of few round trips: the key leaves the JWKS, the prepared key signs if this one did, and the log says so.
   * Nothing is waited for, and nothing about it is made, unless a fresh key is wanted or none is prepared. The next turn prepares another.
   *
   * @throws {DomainError} `unknown_signing_key`, `signing_key_revoked`
   */
  async revoke(actor: string, kid: string, order: KeyRevocationOrder): Promise<RevokedKey> {
    if (order.fresh) return this.#replace(actor, kid, order);
    try {
      return await this.#withdraw(actor, kid, order);
    } catch (error) {
      if (!(error instanceof DomainError && error.code === 'signing_key_in_use')) throw error;
      return this.#replace(actor, kid, order);
    }
  }

  /** Makes the successor first, if this is the key that signs. */
  async #replace(actor: string, kid: string, order: KeyRevocationOrder): Promise<RevokedKey> {
    const [key] = await this.database.run((manager) =>
      manager.query<{ state: SigningKeyState }[]>(`SELECT state FROM signing_keys WHERE kid = $1`, [
        kid,
      ]),
    );
    const made = key?.state === 'active' ? await this.#makeSuccessor(actor) : undefined;
    return this.#withdraw(actor, kid, order, made);
  }

  /** @returns the kid of a new key, which every live replica of identity publishes, if it is quick */
  async #makeSuccessor(actor: string): Promise<string> {
    const made = await this.vault.make();
    await this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ ...KEY_RING_LOCK, mode: 'exclusive' }]);
      await addKey({ tx, audit: this.audit, actor }, made, 'prepared');
      await tx.query(NOTING_CHANGE);
    });
    await this.#published(made.kid);
    return made.kid;
  }

  async #published(kid: string): Promise<void> {
    for (let waited = 0; waited < PUBLISHED_WITHIN_MS; waited += LOOK_AGAIN_MS) {
      const { ran, instances } = await this.database.run((manager) => this.heldKeys.read(manager));
      const missing = instances.some(
        ({ service, countedUntil, kids }) =>
          service === IDENTITY_SERVICE && countedUntil >= ran && !kids.includes(kid),
      );
      if (!missing) return;
      await delay(LOOK_AGAIN_MS);
    }
  }

  /**
   * @param made what is to sign next, unless it was taken away since; without it, the key that was prepared first
   * @throws {DomainError} `signing_key_in_use` when it signs and no key is prepared
   */
  #withdraw(
    actor: string,
    kid: string,
    { reason, fresh, receiptWanted = false }: KeyRevocationOrder,
    made = '',
  ): Promise<RevokedKey> {
    return this.database.brief(
      lockingStatement([{ ...KEY_RING_LOCK, mode: 'exclusive' }]),
      async (tx, [found]) => {
        const { state, active, next } = found as FoundKeys;
        if (state === null) throw new DomainError('unknown_signing_key');
        if (state === 'revoked') throw new DomainError('signing_key_revoked');
        const signs = state === 'active' ? next : active;
        if (signs === null) throw new DomainError('signing_key_in_use', 'no key is prepared');
        const isReplaced = state === 'active';
        await tx.query(
          [ending(kid, 'revoked'), ...(isReplaced ? [activating(signs)] : []), NOTING_CHANGE].join(
            '; ',
          ),
        );
        const acting = { tx, audit: this.audit, actor };
        if (isReplaced) await recordActivation(acting, signs, { retired: null, despite: [] });
        await this.audit.record(tx, {
          actor,
          action: 'key.revoke',
          target: kid,
          details: { was: state, signs, fresh, reason },
        });
        const event = await this.revocations.append(tx, { kind: 'kid', id: kid, receiptWanted });
        return { result: { event, signs } };
      },
      { name: 'keys_to_revoke', text: FIND_KEYS, values: [kid, made] },
    );
  }
}

interface FoundKeys {
  readonly state: SigningKeyState | null;
  readonly active: string | null;
  /** Which key signs next. */
  readonly next: string | null;
}
const FIND_KEYS = `SELECT (SELECT state FROM signing_keys WHERE kid = $1) AS state, ${ACTIVE_KID} AS active,
  (SELECT kid FROM signing_keys WHERE state = 'prepared' ORDER BY kid = $2 DESC, prepared_at, kid LIMIT 1) AS next`;
