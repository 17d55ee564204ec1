import type { AccessToken } from '../tokens/access-token.js';
import { HeldToken } from './held-token.js';

/** Notes the verified token of a request or a socket. Only what verifies calls it, after verification. */
export function rememberToken(holder: object, token: AccessToken): void {
  HeldToken.put(holder, token);
}

/** Takes the token of a socket away: nothing that it sends from now on is authenticated. */
export function forgetToken(holder: object): void {
  HeldToken.put(holder, undefined);
}

/** The verified access token of a request or a socket, or `undefined`. */
export function rememberedToken(holder: object): AccessToken | undefined {
  return HeldToken.of(holder);
}

/**
 * The verified access token of a request, or of the socket that a message came over.
 *
 * @throws {TypeError} when nothing of ours has let it in, as on a public route
 */
export function currentToken(holder: object): AccessToken {
  const token = HeldToken.of(holder);
  if (!token) throw new TypeError('there is no verified token here: is the route public?');
  return token;
}
