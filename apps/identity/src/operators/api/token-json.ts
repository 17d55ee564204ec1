import { serializeRevocationEvent } from '@countersign/revocation';
import { REJECTION_CODES } from '@countersign/token-verifier';
import { z } from 'zod';
import type { Explanation } from '../../token-explanation/token-explaining.js';
import { eventAnswer, instant } from './answer-schemas.js';
import { numericDate } from './shared-input.js';
import { keyAnswer } from './signing-keys-json.js';

const members = z.record(z.string(), z.unknown()).nullable();
const enabled = z.enum(['enabled', 'disabled']);

export const explanationAnswer = z.strictObject({
  now: instant,
  form: z.enum(['jwt', 'refresh_token', 'operator_token', 'unknown']),
  header: members.describe('As the token has it, believed or not'),
  claims: members.describe('As the token has them, believed or not'),
  signature: z
    .enum(['good', 'bad', 'unknown_key', 'unreadable'])
    .describe('Whether one of the keys, in whatever state, has signed it'),
  key: keyAnswer
    .pick({ kid: true, state: true, activated_at: true, retired_at: true, ended_at: true })
    .nullable(),
  session: z
    .strictObject({
      sid: z.string(),
      state: z.enum(['live', 'ended', 'expired']),
      account_id: z.string(),
      client_id: z.string(),
      created_at: instant,
      expires_at: instant,
      ended_at: instant.nullable(),
      end_reason: z.string().nullable(),
    })
    .nullable(),
  account: z.strictObject({ id: z.string(), state: enabled }).nullable(),
  client: z
    .strictObject({ id: z.string(), state: enabled, audiences: z.array(z.string()) })
    .nullable(),
  revocations: z.array(eventAnswer).describe('Those that cover it, the newest first'),
  services: z.array(
    z.strictObject({
      id: z.string(),
      audience: z.string().nullable(),
      accepts: z.boolean().nullable().describe('`null`: it decides as the services behind it'),
      code: z.enum(REJECTION_CODES).nullable(),
      reason: z.string().nullable(),
      live_instances: z.int(),
      without_key: z.array(z.string()),
      without_revocation: z.array(z.string()),
    }),
  ),
});

/** The wire shape of what a token is. `header` and `claims` are as the token has them, believed or not. */
export function explanationJson({ token, signature, facts, revocations, services }: Explanation) {
  const { key, session, account, client } = facts;
  return {
    now: facts.now,
    form: token.form,
    header: token.header,
    claims: token.claims,
    signature,
    key: key && {
      kid: key.kid,
      state: key.state,
      activated_at: numericDate(key.activatedAt),
      retired_at: numericDate(key.retiredAt),
      ended_at: numericDate(key.endedAt),
    },
    session: session && {
      sid: session.sid,
      state: session.state,
      account_id: session.accountId,
      client_id: session.clientId,
      created_at: numericDate(session.createdAt),
      expires_at: numericDate(session.expiresAt),
      ended_at: numericDate(session.endedAt),
      end_reason: session.endReason,
    },
    account,
    client,
    revocations: revocations.map(serializeRevocationEvent),
    services: services.map((service) => ({
      id: service.id,
      audience: service.audience,
      accepts: service.accepts,
      code: service.code,
      reason: service.reason,
      live_instances: service.liveInstances,
      without_key: service.withoutKey,
      without_revocation: service.withoutRevocation,
    })),
  };
}
export type ExplanationJson = ReturnType<typeof explanationJson>;
