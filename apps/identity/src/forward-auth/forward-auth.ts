import { answerToUnusableCredentials, answerToVerifyError } from '@countersign/token-verifier';
import type {
  CookiePolicy,
  HttpAnswer,
  RequestHead,
  TokenVerifier,
} from '@countersign/token-verifier';
import { decideForwardAuth } from './decide-forward-auth.js';
import type { Swaps } from './swaps.js';

/** A request that a gateway asks about before it passes it on. */
export interface AskedRequest extends RequestHead {
  /** The name, in `aud`, of the service that it is meant for. */
  readonly audience: string;
}

/** The value of the one `Authorization` header to send on, or what to answer instead. */
export type ForwardAuthAnswer =
  | { readonly authorization: string; readonly refusal?: undefined }
  | { readonly authorization?: undefined; readonly refusal: HttpAnswer };

export interface ForwardAuthParts {
  readonly verifier: Pick<TokenVerifier, 'verify'>;
  readonly swaps: Pick<Swaps, 'swap'>;
  readonly cookies: CookiePolicy;
}

/** What every gateway asks, in whatever way it asks: who makes this request? */
export class ForwardAuth {
  constructor(private readonly parts: ForwardAuthParts) {}

  /** @throws {DomainError} what {@link Swaps.swap} throws */
  async answer({ audience, ...request }: AskedRequest): Promise<ForwardAuthAnswer> {
    const { verifier, swaps, cookies } = this.parts;
    const decision = decideForwardAuth(request, cookies);
    if (decision.do === 'refuse') {
      return { refusal: answerToUnusableCredentials(decision.because) };
    }
    try {
      if (decision.do === 'swap') return bearer(await swaps.swap(decision.cookie, audience));
      await verifier.verify(decision.token, { audience });
      return bearer(decision.token);
    } catch (error) {
      const refusal = answerToVerifyError(error);
      if (!refusal) throw error;
      return { refusal };
    }
  }
}

function bearer(token: string): ForwardAuthAnswer {
  return { authorization: `Bearer ${token}` };
}
