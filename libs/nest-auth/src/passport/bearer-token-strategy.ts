import passport from 'passport';
import passportJwt from 'passport-jwt';
import type { AccessToken, TokenVerifier, VerifyOptions } from '@countersign/token-verifier';
import { bearerTokenOf } from '../bearer-request.js';
import { rememberToken } from '../current-token.js';
import { toRefusal } from '../refusal.js';

/** Gives the user that a verified token stands for to `done`, or an error. */
export type TokenToUser = (
  token: AccessToken,
  done: (error: unknown, user?: object | false | null) => void,
) => void;

/**
 * A passport strategy that takes the token by passport-jwt's extractor and has it verified by a `TokenVerifier`.
 *
 * Every refusal is an error with its own status, never a failure of passport's: failures all become 401.
 */
export class BearerTokenStrategy extends passport.Strategy {
  // Not #private: passport authenticates with an object that only inherits from this one.
  private readonly extract = passportJwt.ExtractJwt.fromAuthHeaderAsBearerToken();

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly toUser: TokenToUser,
  ) {
    super();
  }

  override authenticate(request: object, options?: VerifyOptions): void {
    this.verify(request, options).then(
      (token) => {
        rememberToken(request, token);
        this.toUser(token, (error, user) => {
          if (error) this.error(error);
          else if (user) this.success(user);
          else this.fail(401);
        });
      },
      (error: unknown) => this.error(toRefusal(error)),
    );
  }

  private async verify(request: object, options?: VerifyOptions): Promise<AccessToken> {
    // The extractor is lenient, and sees one Authorization header where two came: the strict reading goes first.
    const strict = bearerTokenOf(request);
    const staleRevocations = options?.staleRevocations ?? 'closed';
    return this.verifier.verify(this.extract(request) ?? strict, { staleRevocations });
  }
}
