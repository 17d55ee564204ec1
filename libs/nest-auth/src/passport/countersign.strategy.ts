import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { AccessToken } from '@countersign/token-verifier';
import { RequestAuthenticator } from '../request-authenticator.js';
import { BearerTokenStrategy } from './bearer-token-strategy.js';

/** The name under which the strategy is known to passport: `AuthGuard('countersign')`. */
export const COUNTERSIGN_STRATEGY = 'countersign';

/**
 * Our verifier as a passport strategy; `request.user` is the {@link AccessToken}. Extend it and override `validate` to put
 * a user of your own there; a falsy one is answered 401 `token_not_accepted`. Name the extended one as `strategy` of the
 * module.
 *
 * Passport keeps strategies per process: with `AuthGuard('countersign')` two applications in one process would share the one
 * registered last. `CountersignPassportGuard` takes that of its own application.
 */
@Injectable()
export class CountersignStrategy extends PassportStrategy(
  BearerTokenStrategy,
  COUNTERSIGN_STRATEGY,
) {
  constructor(@Inject(RequestAuthenticator) authenticator: RequestAuthenticator) {
    super(authenticator);
  }

  validate(token: AccessToken): object | Promise<object> {
    return token;
  }
}
