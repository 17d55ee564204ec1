import { Injectable } from '@nestjs/common';
import { Not } from 'typeorm';
import type { EntityManager } from 'typeorm';
import { AuditLog, IDENTITY_ACTOR } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import { HeldKeys } from '../relying-services/held-keys.js';
import { KeyVault } from './key-vault.js';
import { planRotation, refusePurge } from './rotation-plan.js';
import type { Ring, RotationPlan, RotationPolicy, RotationStep } from './rotation-plan.js';
import { readRotationState } from './rotation-state.js';
import type { RotationState } from './rotation-state.js';
import { applySteps } from './rotation-steps.js';
import { SigningKey } from './signing-key.js';

const LISTED = {
  ...{ kid: true, state: true, preparedAt: true, activatedAt: true },
  ...{ retiredAt: true, tokensUntil: true, endedAt: true },
} as const;
/** What operators see of a key. */
export type ListedKey = Pick<SigningKey, keyof typeof LISTED>;

/** What one turn did. */
export interface RotationTurn {
  /** The plan from there on: what is waited for. */
  readonly plan: RotationPlan;
  readonly applied: readonly RotationStep[];
}

/** An operator's wish that the next key signs. */
export interface RotationRequest {
  /** At once, without waiting for publication or reports. */
  readonly forced: boolean;
  /** For the audit log. */
  readonly reason?: string | undefined;
}

/**
 * Brings the keys in line with the plan. Any replica may, at any time: the plan is made again under the key ring lock, and all
 * its steps are one transaction, so that what one has done the others find done.
 */
@Injectable()
export class KeyRotation {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly vault: KeyVault,
    private readonly heldKeys: HeldKeys,
    private readonly audit: AuditLog,
  ) {}

  /** All keys but the purged ones, the oldest first. */
  keys(): Promise<ListedKey[]> {
    return this.database.run((manager) =>
      manager.find(SigningKey, {
        select: LISTED,
        where: { state: Not('purged') },
        order: { preparedAt: 'ASC', kid: 'ASC' },
      }),
    );
  }

  /** What would be done now. Changes nothing. @param request as if an operator had asked for this */
  plan(request?: RotationRequest): Promise<{ plan: RotationPlan; state: RotationState }> {
    return this.database.run((manager) => this.#planIn(manager, request));
  }

  /** Does what is to be done now. */
  async turn(): Promise<RotationTurn> {
    const { plan: expected } = await this.plan();
    if (expected.steps.length === 0) return { plan: expected, applied: [] };
    const adding = expected.steps.filter((step) => step.do === 'add');
    const made = await Promise.all(adding.map(() => this.vault.make()));
    return this.#alone(async (tx) => {
      const { plan, state } = await this.#planIn(tx);
      const acting = { tx, audit: this.audit, actor: IDENTITY_ACTOR };
      const { tokensLiveFor } = state;
      const applied = await applySteps(acting, plan.steps, { made, tokensLiveFor });
      return { plan: (await this.#planIn(tx)).plan, applied };
    });
  }

  /** Asks for the next key to sign as soon as it may, and does what can be done now. */
  async request(actor: string, { forced, reason }: RotationRequest): Promise<RotationTurn> {
    await this.#alone(async (tx) => {
      const [[row]] = await tx.query<[[{ next: string | null }]]>(
        `UPDATE key_ring SET requested_ms = least(requested_ms, ran_ms), requested_forced = requested_forced OR $1
         FROM check_in_clock RETURNING (SELECT kid FROM signing_keys WHERE state = 'prepared'
           ORDER BY prepared_at, kid LIMIT 1) AS next`,
        [forced],
      );
      const details = { forced, reason };
      const action = 'key.request_rotation';
      await this.audit.record(tx, { actor, action, target: row.next, details });
    });
    return this.turn();
  }

  /**
   * Takes a retired key out of the JWKS. The calendar does it too, at the first moment at which it may.
   *
   * @throws {DomainError} `unknown_signing_key`, `signing_key_in_use` with the reason
   */
  async purge(actor: string, kid: string): Promise<void> {
    await this.#alone(async (tx) => {
      const { state } = await this.#planIn(tx);
      const key = state.ring.keys.find((one) => one.kid === kid);
      if (!key) throw new DomainError('unknown_signing_key', 'no published key has this kid');
      const refusal = refusePurge(key, this.#policy(state), state.now);
      if (refusal !== undefined) throw new DomainError('signing_key_in_use', refusal);
      const { tokensLiveFor } = state;
      const acting = { tx, audit: this.audit, actor };
      await applySteps(acting, [{ do: 'purge', kid }], { made: [], tokensLiveFor });
    });
  }

  async #planIn(manager: EntityManager, request?: RotationRequest) {
    const state = await readRotationState(manager, this.heldKeys);
    const ring: Ring = request
      ? { ...state.ring, requested: { at: state.now.ran, forced: request.forced } }
      : state.ring;
    return { state, plan: planRotation(ring, state.reports, this.#policy(state), state.now) };
  }

  #policy({ tokensLiveFor }: RotationState): RotationPolicy {
    return {
      rotateAfter: this.config.KEY_ROTATION_SECONDS,
      publishFor: this.config.KEY_PUBLICATION_SECONDS,
      patience: this.config.KEY_ACTIVATION_PATIENCE_SECONDS,
      pastDeadline: this.config.KEY_ACTIVATION_PAST_DEADLINE,
      tokensLiveFor,
    };
  }

  #alone<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ ...KEY_RING_LOCK, mode: 'exclusive' }]);
      return work(tx);
    });
  }
}
