import type { ListedKey } from '../../signing-keys/key-rotation.js';
import type {
  RotationInstant,
  RotationPlan,
  RotationStep,
} from '../../signing-keys/rotation-plan.js';
import type { Behind } from '../../signing-keys/who-is-behind.js';
import { numericDate } from './shared-input.js';

/** The wire shape of signing keys. */
export function keysJson(keys: readonly ListedKey[]) {
  return keys.map((key) => ({
    kid: key.kid,
    state: key.state,
    prepared_at: numericDate(key.preparedAt),
    activated_at: numericDate(key.activatedAt),
    retired_at: numericDate(key.retiredAt),
    tokens_until: numericDate(key.tokensUntil),
    ended_at: numericDate(key.endedAt),
  }));
}
export type KeyJson = ReturnType<typeof keysJson>[number];

/** The wire shape of a plan. Instants are told as if identity went on running. */
export function planJson({ steps, waiting, nextChangeIn }: RotationPlan, now: RotationInstant) {
  return {
    steps: stepsJson(steps),
    waiting: waiting && {
      kid: waiting.kid,
      for: waiting.for,
      until: waiting.until === null ? null : now.wall + waiting.until - now.ran,
      behind: behindJson(waiting.behind),
      overdue: waiting.overdue,
    },
    next_change_in: nextChangeIn,
  };
}
export type PlanJson = ReturnType<typeof planJson>;

export function stepsJson(steps: readonly RotationStep[]) {
  return steps.map((step) =>
    step.do === 'activate' ? { ...step, despite: behindJson(step.despite) } : step,
  );
}
export type StepJson = ReturnType<typeof stepsJson>[number];

function behindJson(behind: readonly Behind[]) {
  return behind.map(({ service, instanceId, silent }) => ({
    service,
    instance_id: instanceId,
    silent,
  }));
}
