import { z } from 'zod';
import type { ListedKey } from '../../signing-keys/key-rotation.js';
import type {
  RotationInstant,
  RotationPlan,
  RotationStep,
} from '../../signing-keys/rotation-plan.js';
import type { Behind } from '../../signing-keys/who-is-behind.js';
import { instant } from './answer-schemas.js';
import { numericDate } from './shared-input.js';

export const keyState = z.enum(['prepared', 'active', 'retired', 'purged', 'revoked']);

export const keyAnswer = z.strictObject({
  kid: z.string(),
  state: keyState,
  prepared_at: instant,
  activated_at: instant.nullable(),
  retired_at: instant.nullable(),
  tokens_until: instant.nullable().describe('When the last token that it may have signed is over'),
  ended_at: instant.nullable(),
});

const behind = z
  .array(z.strictObject({ service: z.string(), instance_id: z.string(), silent: z.boolean() }))
  .describe('Who has not reported the key');

export const stepAnswer = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('add'), as: z.enum(['prepared', 'active']) }),
  z.strictObject({
    do: z.literal('activate'),
    kid: z.string(),
    retires: z.string().nullable(),
    despite: behind,
  }),
  z.strictObject({ do: z.literal('purge'), kid: z.string() }),
]);

export const planAnswer = z.strictObject({
  steps: z.array(stepAnswer),
  waiting: z
    .strictObject({
      kid: z.string(),
      for: z.enum(['room', 'calendar', 'publication', 'reports']),
      until: instant.nullable(),
      behind,
      overdue: z.boolean().describe('Past the deadline: somebody must look'),
    })
    .nullable(),
  next_change_in: z.number().nullable().describe('Seconds until the published keys may change'),
});

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
