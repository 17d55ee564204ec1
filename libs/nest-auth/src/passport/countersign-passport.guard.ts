import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import {
  answerToUnacceptedToken,
  answerToUnusableCredentials,
  currentToken,
  rememberedToken,
} from '@countersign/token-verifier';
import { Refusal, toRefusal } from '../refusal.js';
import { RequestAuthenticator } from '../request-authenticator.js';
import { RouteAccess } from '../route-access.js';
import { CountersignStrategy } from './countersign.strategy.js';
import { runStrategy } from './run-strategy.js';

/**
 * The guard for a passport strategy that has its tokens verified by ours, in place of Nest's `AuthGuard(strategy)`: the same
 * rules and the same answers as `AccessTokenGuard`. Passport alone makes 401 of everything.
 *
 * @param strategy the name of `CountersignStrategy`, or of a passport-jwt strategy with `passportJwtKeyProvider`
 */
export function CountersignAuthGuard(strategy: string): Type<CanActivate> {
  @Injectable()
  class StrategyGuard extends AuthGuard(strategy) {
    constructor(
      @Inject(RouteAccess) private readonly access: RouteAccess,
      @Inject(RequestAuthenticator) private readonly authenticator: RequestAuthenticator,
    ) {
      super();
    }

    override canActivate(context: ExecutionContext): Promise<boolean> {
      return this.access.permit(context, async (request) => {
        // Strategies read what frameworks hand on, which may be one credential of several, and may look in other places.
        const encoded = this.authenticator.tokenOf(request);
        await super.canActivate(context);
        const token = currentToken(request);
        if (token.encoded === encoded) return token;
        throw new Refusal(answerToUnusableCredentials('multiple_credentials'));
      });
    }

    /** @param info what a strategy failed with: passport-jwt hands on the key provider's error here */
    override handleRequest<User>(
      error: unknown,
      user: User | false | null | undefined,
      info: unknown,
      context: ExecutionContext,
    ): User {
      if (error) throw toRefusal(error);
      if (user && rememberedToken(context.switchToHttp().getRequest<object>())) return user;
      const verdict = toRefusal(info);
      throw verdict instanceof Refusal ? verdict : new Refusal(answerToUnacceptedToken(), info);
    }
  }
  return StrategyGuard;
}

/**
 * The same rules and the same answers as `AccessTokenGuard`, for applications that authenticate by passport: it runs the
 * {@link CountersignStrategy} of its own application, never one that another in the same process has registered.
 */
@Injectable()
export class CountersignPassportGuard implements CanActivate {
  constructor(
    @Inject(RouteAccess) private readonly access: RouteAccess,
    @Inject(CountersignStrategy) private readonly strategy: CountersignStrategy,
  ) {}

  canActivate(context: ExecutionContext): Promise<boolean> {
    return this.access.permit(context, async (request) => {
      (request as { user?: object }).user = await runStrategy(this.strategy, request);
      return currentToken(request);
    });
  }
}
