import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { TokenVerifier } from '@countersign/token-verifier';
import type { AccessToken, StaleRevocations } from '@countersign/token-verifier';
import { accessRuleOf } from './access-rule.js';
import { bearerTokenOf } from './bearer-request.js';
import { rememberToken } from './current-token.js';
import { staleRevocationsOf } from './allow-stale-revocations.js';
import { requireScopes, toRefusal, withRefusalHeaders } from './refusal.js';

/**
 * Lets a request through when its access token verifies and has the scopes of the route. Registered for all routes by
 * `CountersignAuthModule`: a route without a decorator is protected.
 *
 * Refuses what is not HTTP: there is no `Authorization` header to judge by.
 */
@Injectable()
export class AccessTokenGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly verifier: TokenVerifier,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return false;
    const rule = accessRuleOf(this.reflector, context);
    if (rule === 'public') return true;
    const request = context.switchToHttp().getRequest<object>();
    return withRefusalHeaders(context, async () => {
      const token = await this.#verify(
        bearerTokenOf(request),
        staleRevocationsOf(this.reflector, context),
      );
      requireScopes(token, rule.scopes);
      rememberToken(request, token);
    });
  }

  async #verify(encoded: string, staleRevocations: StaleRevocations): Promise<AccessToken> {
    try {
      return await this.verifier.verify(encoded, { staleRevocations });
    } catch (error) {
      throw toRefusal(error);
    }
  }
}
