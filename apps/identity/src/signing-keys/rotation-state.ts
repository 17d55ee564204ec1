import type { EntityManager } from 'typeorm';
import type { HeldKeys } from '../relying-services/held-keys.js';
import { EXPIRY_MARGIN_SECONDS } from '../revocation/revocation-log.js';
import type { Ring, RingKey, RotationInstant } from './rotation-plan.js';
import type { KeyReports } from './who-is-behind.js';

/** Everything that a plan is made from, besides the settings. */
export interface RotationState {
  readonly ring: Ring;
  readonly reports: KeyReports;
  readonly now: RotationInstant;
  /** How long any token lives, with all that clocks may differ by, seconds. */
  readonly tokensLiveFor: number;
}

interface RingRow {
  readonly keys: RingKey[];
  readonly requested: { readonly at: number; readonly forced: boolean } | null;
  readonly wall: number;
  readonly lifetime: number;
}

/** Reads the state of rotation. What it says holds on only under the key ring lock. */
export async function readRotationState(
  manager: EntityManager,
  heldKeys: HeldKeys,
): Promise<RotationState> {
  const { ran, ...reports } = await heldKeys.read(manager);
  const [row] = await manager.query<[RingRow]>(
    `SELECT extract(epoch FROM clock_timestamp())::float8 AS wall, longest_lifetime_seconds AS lifetime,
       CASE WHEN requested_ms IS NOT NULL
         THEN json_build_object('at', requested_ms / 1000.0, 'forced', requested_forced) END AS requested,
       coalesce((
         SELECT json_agg(json_build_object('kid', kid, 'state', state, 'preparedAt', prepared_ms / 1000.0,
           'activatedAt', activated_ms / 1000.0, 'retiredAt', retired_ms / 1000.0,
           'tokensUntil', extract(epoch FROM tokens_until)) ORDER BY prepared_at, kid)
         FROM signing_keys WHERE state IN ('prepared', 'active', 'retired')), '[]') AS keys
     FROM key_ring, revocation_head`,
  );
  const { keys, requested, wall, lifetime } = row;
  return {
    ring: { keys, requested },
    reports,
    now: { ran, wall },
    tokensLiveFor: lifetime + EXPIRY_MARGIN_SECONDS,
  };
}
