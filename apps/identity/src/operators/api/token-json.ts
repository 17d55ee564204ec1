import { serializeRevocationEvent } from '@countersign/revocation';
import type { Explanation } from '../../token-explanation/token-explaining.js';
import { numericDate } from './shared-input.js';

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
