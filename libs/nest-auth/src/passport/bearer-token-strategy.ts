import passport from 'passport';
import passportJwt from 'passport-jwt';
import type { AccessToken } from '@countersign/token-verifier';
import type { RequestAuthenticator } from '../request-authenticator.js';

/** Gives the user that a verified token stands for to `done`, or an error. */
export type TokenToUser = (
  token: AccessToken,
  done: (error: unknown, user?: object | false | null) => void,
) => void;

/** What passport puts beside a strategy while it authenticates. Spelt out: who uses us need not have `@types/passport`. */
interface PassportActions {
  success(user: object): void;
  fail(status: number): void;
  error(error: unknown): void;
}

const Strategy = passport.Strategy as unknown as new () => PassportActions;

/**
 * A passport strategy that takes a token of the header by passport-jwt's extractor, and has it verified by ours.
 *
 * Every refusal is an error with its own status, never a failure of passport's: failures all become 401.
 */
export class BearerTokenStrategy extends Strategy {
  // Not #private: passport authenticates with an object that only inherits from this one.
  private readonly extract = passportJwt.ExtractJwt.fromAuthHeaderAsBearerToken();

  constructor(
    private readonly authenticator: RequestAuthenticator,
    private readonly toUser: TokenToUser,
  ) {
    super();
  }

  authenticate(request: object): void {
    this.verify(request).then(
      (token) =>
        this.toUser(token, (error, user) => {
          if (error) this.error(error);
          else if (user) this.success(user);
          else this.fail(401);
        }),
      (error: unknown) => this.error(error),
    );
  }

  private async verify(request: object): Promise<AccessToken> {
    // The extractor is lenient, and sees one Authorization header where two came: the strict reading goes first.
    const strict = this.authenticator.tokenOf(request);
    return this.authenticator.verify(request, this.extract(request) ?? strict);
  }
}
