import passport from 'passport';
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
 * A passport strategy that reads and verifies the token of a request as our own guard does: the extractors of passport-jwt are
 * lenient, and see one Authorization header where two came.
 *
 * Every refusal is an error with its own status, never a failure of passport's: failures all become 401.
 */
export class BearerTokenStrategy extends Strategy {
  // Not #private: passport authenticates with an object that only inherits from this one.
  constructor(
    private readonly authenticator: RequestAuthenticator,
    private readonly toUser: TokenToUser,
  ) {
    super();
  }

  authenticate(request: object): void {
    this.authenticator.verify(request).then(
      (token) =>
        this.toUser(token, (error, user) => {
          if (error) this.error(error);
          else if (user) this.success(user);
          else this.fail(401);
        }),
      (error: unknown) => this.error(error),
    );
  }
}
