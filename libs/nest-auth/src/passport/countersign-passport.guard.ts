import { Injectable } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { VerifyOptions } from '@countersign/token-verifier';
import { accessRuleOf } from '../access-rule.js';
import { staleRevocationsOf } from '../allow-stale-revocations.js';
import { currentToken } from '../current-token.js';
import { requireScopes, withRefusalHeaders } from '../refusal.js';
import { COUNTERSIGN_STRATEGY } from './countersign.strategy.js';

/** The same rules and the same answers as `AccessTokenGuard`, for applications that authenticate by passport. */
@Injectable()
export class CountersignPassportGuard extends AuthGuard(COUNTERSIGN_STRATEGY) {
  constructor(private readonly reflector: Reflector) {
    super();
  }

  /** What the strategy is given with the request. */
  override getAuthenticateOptions(context: ExecutionContext): VerifyOptions {
    return { staleRevocations: staleRevocationsOf(this.reflector, context) };
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return false;
    const rule = accessRuleOf(this.reflector, context);
    if (rule === 'public') return true;
    return withRefusalHeaders(context, async () => {
      await super.canActivate(context);
      requireScopes(currentToken(context.switchToHttp().getRequest<object>()), rule.scopes);
    });
  }
}
