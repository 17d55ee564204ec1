import pg from 'pg';
import type { EntityManager } from 'typeorm';
import type { AuditLog } from '../audit/audit-log.js';
import type { NewSigningKey } from './key-vault.js';
import type { RotationStep } from './rotation-plan.js';
import type { Behind } from './who-is-behind.js';

/** The channel on which replicas are told that the key ring has changed. */
export const KEY_RING_CHANNEL = 'countersign_keys';

/** Who acts, in a transaction that holds the key ring lock alone. */
export interface Acting {
  readonly tx: EntityManager;
  readonly audit: AuditLog;
  readonly actor: string;
}

/**
 * Applies steps in their order. Keys are made beforehand, since that takes long and the lock holds up every mint: with too few,
 * it stops early, and the next turn goes on.
 *
 * @param tokensLiveFor seconds
 * @returns what was applied
 */
export async function applySteps(
  acting: Acting,
  steps: readonly RotationStep[],
  { made, tokensLiveFor }: { made: readonly NewSigningKey[]; tokensLiveFor: number },
): Promise<readonly RotationStep[]> {
  const spare = [...made];
  const applied: RotationStep[] = [];
  for (const step of steps) {
    if (step.do === 'add') {
      const key = spare.shift();
      if (!key) break;
      await addKey(acting, key, step.as);
    } else if (step.do === 'activate') {
      if (step.retires !== null) await retireKey(acting, step.retires, tokensLiveFor);
      await activateKey(acting, step.kid, { retired: step.retires, despite: step.despite });
    } else {
      await acting.tx.query(ending(step.kid, 'purged'));
      await record(acting, 'key.purge', step.kid, {});
    }
    applied.push(step);
  }
  if (applied.length > 0) await acting.tx.query(NOTING_CHANGE);
  return applied;
}

export async function addKey(
  acting: Acting,
  key: NewSigningKey,
  as: 'prepared' | 'active',
): Promise<void> {
  await storeKey(acting, key, as);
  await record(acting, as === 'active' ? 'key.activate' : 'key.prepare', key.kid, {});
}

/** {@link addKey} without a row in the audit log. */
export async function storeKey(
  { tx }: Pick<Acting, 'tx'>,
  { kid, publicJwk, privateKey }: NewSigningKey,
  as: 'prepared' | 'active',
): Promise<void> {
  await tx.query(
    `INSERT INTO signing_keys (kid, state, public_jwk, sealed_private_key, master_key_id,
       prepared_at, prepared_ms, activated_at, activated_ms)
     SELECT $1, $2, $3, $4, $5, t, ran_ms, CASE WHEN $6 THEN t END, CASE WHEN $6 THEN ran_ms END
     FROM check_in_clock, clock_timestamp() AS t`,
    [kid, as, publicJwk, privateKey.box, privateKey.masterKeyId, as === 'active'],
  );
}

/** Lets a prepared key sign. What signed before must have been taken away in the same transaction. */
async function activateKey(
  acting: Acting,
  kid: string,
  why: { readonly retired: string | null; readonly despite: readonly Behind[] },
): Promise<void> {
  await acting.tx.query(activating(kid));
  await recordActivation(acting, kid, why);
}

/** The statements, without parameters, that let a prepared key sign: what is asked for is fulfilled with it. */
export function activating(kid: string): string {
  return `UPDATE signing_keys SET state = 'active', activated_at = clock_timestamp(), activated_ms = ran_ms
    FROM check_in_clock WHERE kid = ${pg.escapeLiteral(kid)};
    UPDATE key_ring SET requested_ms = NULL, requested_forced = false`;
}

export function recordActivation(
  acting: Acting,
  kid: string,
  why: { readonly retired: string | null; readonly despite: readonly Behind[] },
): Promise<void> {
  return record(acting, 'key.activate', kid, {
    retired: why.retired,
    despite: why.despite.map(({ service, instanceId, silent }) => ({
      service,
      instance_id: instanceId,
      silent,
    })),
  });
}

/** Its private half is gone from here on. Tokens were dated by the database's clock, whatever that said meanwhile. */
async function retireKey({ tx }: Acting, kid: string, tokensLiveFor: number): Promise<void> {
  await tx.query(
    `UPDATE signing_keys SET state = 'retired', retired_at = clock_timestamp(), retired_ms = ran_ms,
       tokens_until = greatest(highest_at, clock_timestamp()) + make_interval(secs => $2),
       sealed_private_key = NULL, master_key_id = NULL
     FROM check_in_clock WHERE kid = $1`,
    [kid, tokensLiveFor],
  );
}

/** The statement, without parameters, that takes a key out of the JWKS. */
export function ending(kid: string, state: 'purged' | 'revoked'): string {
  return `UPDATE signing_keys SET state = '${state}', ended_at = clock_timestamp(), sealed_private_key = NULL, master_key_id = NULL
    WHERE kid = ${pg.escapeLiteral(kid)}`;
}

/** The statement, without parameters, that tells every replica, once the transaction is committed. */
export const NOTING_CHANGE = `UPDATE key_ring SET version = version + 1 RETURNING pg_notify('${KEY_RING_CHANNEL}', '')`;

function record(
  { tx, audit, actor }: Acting,
  action: 'key.prepare' | 'key.activate' | 'key.purge',
  kid: string,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  return audit.record(tx, { actor, action, target: kid, details });
}
