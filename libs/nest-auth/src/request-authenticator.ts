import { Inject, Injectable, Optional } from '@nestjs/common';
import {
  answerToUnusableCredentials,
  readRequestCredentials,
  TokenVerifier,
  rememberToken,
} from '@countersign/token-verifier';
import type { AccessToken, CookiePolicy, RequestHead } from '@countersign/token-verifier';
import { staleRevocationsFor } from './allow-stale-revocations.js';
import { Refusal, toRefusal } from './refusal.js';

/** Injects the `CookiePolicy` of the application; nothing is provided when cookies are no credentials. */
export const COOKIE_POLICY = Symbol('countersign:cookies');

/** A request of `node:http` and so of Express, or of Fastify around one. */
type FrameworkRequest = RequestHead | { readonly raw: RequestHead };

/** Decides who a request comes from: the same for the guards, the passport strategy and upgrades to a WebSocket. */
@Injectable()
export class RequestAuthenticator {
  constructor(
    @Inject(TokenVerifier) private readonly verifier: TokenVerifier,
    @Optional() @Inject(COOKIE_POLICY) private readonly cookies?: CookiePolicy,
  ) {}

  /**
   * The encoded access token of a request, not verified: from the header, or from the cookie where the application allows
   * it. Reads the headers as they arrived; what frameworks hand on has already lost a second `Authorization`.
   *
   * @throws {Refusal} 401 without credentials, 400 with malformed or several ones, 403 for a cookie of unknown origin
   */
  tokenOf(request: object): string {
    const known = request as FrameworkRequest;
    const credentials = readRequestCredentials('raw' in known ? known.raw : known, this.cookies);
    if ('token' in credentials) return credentials.token;
    throw new Refusal(answerToUnusableCredentials(credentials.missing));
  }

  /**
   * Verifies the token that a request presents, and notes it for `currentToken(request)`.
   *
   * @throws {Refusal} as {@link tokenOf}; 401 for a bad token, 503 when no decision is possible
   */
  async verify(request: object): Promise<AccessToken> {
    const encoded = this.tokenOf(request);
    try {
      const staleRevocations = staleRevocationsFor(request);
      const token = await this.verifier.verify(encoded, { staleRevocations });
      rememberToken(request, token);
      return token;
    } catch (error) {
      throw toRefusal(error);
    }
  }
}
