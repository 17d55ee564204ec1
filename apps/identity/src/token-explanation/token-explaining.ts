import { Injectable } from '@nestjs/common';
import type { RevocationEvent } from '@countersign/revocation';
import { parseKeySet } from '@countersign/token-verifier';
import type { KeySet } from '@countersign/token-verifier';
import { IdentityConfig } from '../config/identity-config.js';
import { TOKEN_POLICY } from '../own-verifier/token-policy.js';
import { Database } from '../platform/database.js';
import { ServiceInstances } from '../relying-services/service-instances.js';
import { RevocationHistory } from '../revocation/revocation-history.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { decisionOf, withRevocations } from './explanation.js';
import type { ServiceDecision } from './explanation.js';
import { readTokenFacts } from './token-facts.js';
import type { TokenFacts } from './token-facts.js';
import { TokenJudge } from './token-judge.js';
import type { Judgement } from './token-judge.js';
import { readUnverifiedToken } from './unverified-token.js';
import type { UnverifiedToken } from './unverified-token.js';

/** Whether one of our keys, in whatever state, has signed a token. `unreadable`: it has no form that could be signed. */
export type SignatureVerdict = 'good' | 'bad' | 'unknown_key' | 'unreadable';

/** What a token is, and who accepts it. Holds no part of its signature. */
export interface Explanation {
  readonly token: UnverifiedToken;
  readonly signature: SignatureVerdict;
  readonly facts: TokenFacts;
  /** The newest first. */
  readonly revocations: readonly RevocationEvent[];
  readonly services: readonly ServiceDecision[];
}

/**
 * Says what a token is. Services are judged for by the verifier that they run, with the published keys, the database's time
 * and what is committed to the log of revocations. Remembers nothing, and writes the token nowhere.
 */
@Injectable()
export class TokenExplaining {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    private readonly history: RevocationHistory,
    private readonly instances: ServiceInstances,
  ) {}

  async explain(text: string): Promise<Explanation> {
    const token = readUnverifiedToken(text);
    const { names } = token;
    const facts = await this.database.run((manager) => readTokenFacts(manager, names));
    const revocations = await this.history.covering(names);
    const judge = new TokenJudge({
      issuer: this.config.ISSUER_URL,
      keys: parseKeySet({ keys: this.keyRing.document().keys }),
      at: facts.now,
      ...TOKEN_POLICY,
    });
    const decide = async (audience: string): Promise<Judgement> =>
      withRevocations(await judge.judge(text, audience), revocations);
    const services = await this.instances.overview();
    return {
      token,
      signature: await this.#signature(text, token, facts),
      facts,
      revocations,
      services: await Promise.all(
        services.map(async (service) =>
          decisionOf(
            service,
            service.audience === null ? null : await decide(service.audience),
            names.kid,
            revocations,
          ),
        ),
      ),
    };
  }

  /** By the key that it names alone: as of when it was issued, for whom it is meant, and from where it says it comes. */
  async #signature(
    text: string,
    { names, audience, issuer }: UnverifiedToken,
    { key }: TokenFacts,
  ): Promise<SignatureVerdict> {
    if (audience === undefined || issuer === undefined || names.iat === undefined) {
      return 'unreadable';
    }
    const keys: KeySet = key ? parseKeySet({ keys: [key.publicJwk] }) : new Map();
    const judged = await new TokenJudge({
      issuer,
      keys,
      at: names.iat,
      clockToleranceSeconds: Number.MAX_SAFE_INTEGER,
      maxLifetimeSeconds: Infinity,
    }).judge(text, audience);
    if (judged.accepted) return 'good';
    if (judged.code === 'unknown_key') return 'unknown_key';
    return judged.code === 'bad_signature' ? 'bad' : 'unreadable';
  }
}
