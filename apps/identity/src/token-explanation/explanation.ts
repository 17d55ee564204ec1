import { comparePositions } from '@countersign/revocation';
import type { Position, RevocationEvent } from '@countersign/revocation';
import type { RejectionCode } from '@countersign/token-verifier';
import type { ServiceOverview } from '../relying-services/service-instances.js';
import type { Judgement } from './token-judge.js';

/** How one relying service decides about a token. */
export interface ServiceDecision {
  readonly id: string;
  readonly audience: string | null;
  /** `null`: it verifies for services behind it, and decides as they do. */
  readonly accepts: boolean | null;
  readonly code: RejectionCode | null;
  readonly reason: string | null;
  readonly liveInstances: number;
  /** Instances that may decide otherwise at the moment: they have not reported the key, or the revocation. */
  readonly withoutKey: readonly string[];
  readonly withoutRevocation: readonly string[];
}

/** What a verifier says, with the revocations that it has heard of. Pure. */
export function withRevocations(
  judged: Judgement,
  covering: readonly RevocationEvent[],
): Judgement {
  const kinds = [...new Set(covering.map(({ kind }) => kind))];
  const keyRevoked = kinds.includes('kid');
  if (!judged.accepted && !(judged.code === 'unknown_key' && keyRevoked)) return judged;
  if (covering.length === 0) return judged;
  return { accepted: false, code: 'revoked', reason: `revoked by ${kinds.join(', ')}` };
}

/** How a service decides, and which of its instances may not do so yet. Pure. */
export function decisionOf(
  { id, audience, instances }: ServiceOverview,
  decided: Judgement | null,
  kid: string | undefined,
  covering: readonly RevocationEvent[],
): ServiceDecision {
  const refused = decided?.accepted === false ? decided : undefined;
  const revoked = refused?.code === 'revoked';
  const first = revoked ? earliest(covering) : undefined;
  const held = decided?.accepted === true && kid !== undefined;
  return {
    id,
    audience,
    accepts: decided && decided.accepted,
    code: refused?.code ?? null,
    reason: refused?.reason ?? null,
    liveInstances: instances.length,
    withoutKey: held
      ? instances.flatMap(({ instanceId, kids }) => (kids.includes(kid) ? [] : [instanceId]))
      : [],
    withoutRevocation: first
      ? instances.flatMap(({ instanceId, applied }) =>
          applied && comparePositions(applied, first) >= 0 ? [] : [instanceId],
        )
      : [],
  };
}

/** Any one of the entries is enough: who has applied the first refuses. */
function earliest(covering: readonly RevocationEvent[]): Position | undefined {
  return [...covering].sort(comparePositions)[0];
}
