import type { KeyObject } from 'node:crypto';
import { rememberToken, requireKnownNames, VerifierUnavailable } from '@countersign/token-verifier';
import type { TokenVerifier } from '@countersign/token-verifier';
import { staleRevocationsFor } from '../allow-stale-revocations.js';

/** `secretOrKeyProvider` of passport-jwt. Its types know no `KeyObject`, which jsonwebtoken 9 takes as it is. */
export type PassportJwtKeyProvider = (
  request: object,
  encoded: string,
  done: (error: unknown, key?: string | Buffer) => void,
) => void;

/**
 * For a passport-jwt strategy that is to stay as it is: `new Strategy({ secretOrKeyProvider: passportJwtKeyProvider(verifier),
 * jwtFromRequest, algorithms: ['RS256'] }, …)`.
 *
 * Hands out the key of a token only after the whole of `verifier.verify()`: what that refuses, for revocation too, never gets
 * a key. An unknown `kid` makes the verifier ask for newer keys, as ever. passport-jwt then checks the signature and `exp`
 * once more, without any tolerance between clocks unless `jsonWebTokenOptions.clockTolerance` says so.
 *
 * passport-jwt turns each error given here into a plain failure, which Nest's own `AuthGuard` answers 401 even when the
 * verifier could not decide: guard routes with `CountersignAuthGuard(strategy)` instead.
 *
 * @param options.audience overrides the audience of the verifier
 * @throws {TypeError} for other options
 */
export function passportJwtKeyProvider(
  verifier: TokenVerifier,
  options?: { readonly audience: string },
): PassportJwtKeyProvider {
  requireKnownNames('passportJwtKeyProvider', options ?? {}, ['audience']);
  return (request, encoded, done) => {
    verifyAndFindKey(request, encoded).then(
      (key) => done(null, key as unknown as string),
      (error: unknown) => done(error),
    );
  };

  async function verifyAndFindKey(request: object, encoded: string): Promise<KeyObject> {
    const staleRevocations = staleRevocationsFor(request);
    const token = await verifier.verify(encoded, { ...options, staleRevocations });
    const key = verifier.publicKeyOf(token);
    if (!key) throw new VerifierUnavailable('keys_unreachable', 'the key has just been withdrawn');
    rememberToken(request, token);
    return key;
  }
}
