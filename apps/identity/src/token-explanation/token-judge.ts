import { isTokenRejected, TokenVerifier } from '@countersign/token-verifier';
import type { KeySet, RejectionCode } from '@countersign/token-verifier';

/** What a verifier makes of a token. */
export type Judgement =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly code: RejectionCode; readonly reason: string };

/** What a token is judged by. Seconds; `at` is NumericDate. */
export interface JudgedBy {
  readonly issuer: string;
  readonly keys: KeySet;
  readonly at: number;
  readonly clockToleranceSeconds: number;
  readonly maxLifetimeSeconds: number;
}

/** Judges one token by the verifier that relying services have, with keys and a time that are given. Not by revocations. */
export class TokenJudge {
  readonly #verifier: TokenVerifier;

  constructor({ keys, at, ...policy }: JudgedBy) {
    const nothing = () => Promise.resolve();
    this.#verifier = new TokenVerifier({
      ...policy,
      audience: null,
      keys: {
        start: () => undefined,
        current: () => keys,
        refreshForUnknownKey: nothing,
        state: () => ({ kids: [...keys.keys()], ageSeconds: 0 }),
        close: nothing,
      },
      clock: { wallMs: () => at * 1000, monotonicMs: () => 0 },
      // Nothing can be stale without revocations.
      staleness: { softSeconds: 1, hardSeconds: 1 },
    });
  }

  async judge(text: string, audience: string): Promise<Judgement> {
    try {
      await this.#verifier.verify(text, { audience });
      return { accepted: true };
    } catch (error) {
      if (!isTokenRejected(error)) throw error;
      return { accepted: false, code: error.code, reason: error.reason };
    }
  }
}
