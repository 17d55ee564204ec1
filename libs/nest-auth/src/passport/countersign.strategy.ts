import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { TokenVerifier } from '@countersign/token-verifier';
import type { AccessToken } from '@countersign/token-verifier';
import { BearerTokenStrategy } from './bearer-token-strategy.js';

/** The name under which the strategy is known to passport: `AuthGuard('countersign')`. */
export const COUNTERSIGN_STRATEGY = 'countersign';

/**
 * Our verifier as a passport strategy; `request.user` is the {@link AccessToken}. Extend it and override `validate` to put
 * a user of your own there.
 *
 * Passport keeps strategies per process: two applications in one process would share the one registered last.
 */
@Injectable()
export class CountersignStrategy extends PassportStrategy(
  BearerTokenStrategy,
  COUNTERSIGN_STRATEGY,
) {
  constructor(@Inject(TokenVerifier) verifier: TokenVerifier) {
    super(verifier);
  }

  validate(token: AccessToken): object | Promise<object> {
    return token;
  }
}
