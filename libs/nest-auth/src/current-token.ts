import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { AccessToken } from '@countersign/token-verifier';
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

/** Hands the verified {@link AccessToken} of the request, or of the socket, to a parameter of a protected handler. */
export const CurrentToken = createParamDecorator((_: unknown, context: ExecutionContext) =>
  // For a message of a socket the first argument, which Nest calls the request, is the socket.
  currentToken(context.switchToHttp().getRequest<object>()),
);
