import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { RevocationEvent } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { AuditLog } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import { HeldKeys } from '../relying-services/held-keys.js';
import { IDENTITY_SERVICE } from '../relying-services/relying-services.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { KeyVault } from './key-vault.js';
import type { NewSigningKey } from './key-vault.js';
import { activateKey, addKey, endKey, noteChange } from './rotation-steps.js';
import type { Acting } from './rotation-steps.js';
import type { SigningKeyState } from './signing-key.js';

/** How long identity's replicas may take to publish a fresh key before it signs regardless, milliseconds. */
const PUBLISHED_WITHIN_MS = 2_000;
const LOOK_AGAIN_MS = 50;

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
   * In one transaction: the key leaves the JWKS, the prepared key signs if this one did, and the log says so. Nothing is waited
   * for, and nothing about it is made in that transaction, so that it is quick; the next turn prepares another key.
   *
   * @throws {DomainError} `unknown_signing_key`, `signing_key_revoked`
   */
  async revoke(actor: string, kid: string, order: KeyRevocationOrder): Promise<RevokedKey> {
    const successor = await this.#makeSuccessor(actor, kid, order);
    return this.#alone(async (tx) => {
      const state = await this.#stateOf(tx, kid);
      const acting = { tx, audit: this.audit, actor };
      await endKey(acting, kid, 'revoked');
      if (state === 'active') await this.#replace(acting, successor?.kid);
      await noteChange(acting);
      const [{ signs }] = await tx.query<[{ signs: string }]>(
        `SELECT kid AS signs FROM signing_keys WHERE state = 'active'`,
      );
      const { reason, fresh, receiptWanted = false } = order;
      await this.audit.record(tx, {
        actor,
        action: 'key.revoke',
        target: kid,
        details: { was: state, signs, fresh, reason },
      });
      const event = await this.revocations.append(tx, { kind: 'kid', id: kid, receiptWanted });
      return { event, signs };
    });
  }

  /** A new key, published by every live replica of identity, when one is wanted or there is no prepared one. */
  async #makeSuccessor(
    actor: string,
    kid: string,
    { fresh }: KeyRevocationOrder,
  ): Promise<NewSigningKey | undefined> {
    const { state, prepared } = await this.database.run(async (manager) => ({
      state: await this.#stateOf(manager, kid),
      prepared: await oldestPrepared(manager),
    }));
    if (state !== 'active' || (!fresh && prepared !== undefined)) return undefined;
    const made = await this.vault.make();
    await this.#alone(async (tx) => {
      const acting = { tx, audit: this.audit, actor };
      await addKey(acting, made, 'prepared');
      await noteChange(acting);
    });
    await this.#published(made.kid);
    return made;
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

  async #replace(acting: Acting, made: string | undefined): Promise<void> {
    const successor = made ?? (await oldestPrepared(acting.tx));
    // Somebody has revoked the prepared key meanwhile: nothing is done, and the next try makes one.
    if (successor === undefined) throw new DomainError('signing_key_in_use', 'no key is prepared');
    await activateKey(acting, successor, { retired: null, despite: [] });
  }

  async #stateOf(manager: EntityManager, kid: string): Promise<SigningKeyState> {
    const [key] = await manager.query<{ state: SigningKeyState }[]>(
      `SELECT state FROM signing_keys WHERE kid = $1`,
      [kid],
    );
    if (!key) throw new DomainError('unknown_signing_key');
    if (key.state === 'revoked') throw new DomainError('signing_key_revoked');
    return key.state;
  }

  #alone<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ ...KEY_RING_LOCK, mode: 'exclusive' }]);
      return work(tx);
    });
  }
}

async function oldestPrepared(manager: EntityManager): Promise<string | undefined> {
  const [next] = await manager.query<{ kid: string }[]>(
    `SELECT kid FROM signing_keys WHERE state = 'prepared' ORDER BY prepared_at, kid LIMIT 1`,
  );
  return next?.kid;
}
