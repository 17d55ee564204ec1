import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { AccessToken } from '@countersign/token-verifier';

const tokens = new WeakMap<object, AccessToken>();

/** Notes the verified token of a request. Only guards and strategies call it, after verification. */
export function rememberToken(request: object, token: AccessToken): void {
  tokens.set(request, token);
}

/**
 * The verified access token of a request.
 *
 * @throws {TypeError} when no guard of ours has let the request in, as on a public route
 */
export function currentToken(request: object): AccessToken {
  const token = tokens.get(request);
  if (!token) throw new TypeError('this request has no verified token: is the route public?');
  return token;
}

/** Hands the verified {@link AccessToken} of the request to a parameter of a protected route. */
export const CurrentToken = createParamDecorator((_: unknown, context: ExecutionContext) =>
  currentToken(context.switchToHttp().getRequest<object>()),
);
