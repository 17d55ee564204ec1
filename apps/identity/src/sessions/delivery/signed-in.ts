import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { Session } from '../session.js';

/** Who makes a request to identity's public listener: a person in a session, however they have shown it. */
export interface SignedIn {
  readonly sid: string;
  readonly accountId: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** NumericDate seconds: when they proved who they are, and until when what they have shown is good. */
  readonly authTime: number;
  readonly expiresAt: number;
  /** How they have shown it: with an access token in the header, or in a cookie, or with the opaque cookie. */
  readonly by: Session['delivery'];
}

const known = new WeakMap<object, SignedIn>();

/** Notes who makes a request. Only the guard calls it, after it has verified them. */
export function rememberSignedIn(request: object, signedIn: SignedIn): void {
  known.set(request, signedIn);
}

/** Who makes a request. @throws {TypeError} on a public route: nobody has been verified there */
export function signedInOf(request: object): SignedIn {
  const signedIn = known.get(request);
  if (!signedIn) throw new TypeError('nobody is known to have signed in: is the route public?');
  return signedIn;
}

/**
 * Hands {@link SignedIn} to a parameter of a handler on the public listener.
 *
 * @throws {TypeError} on a public route: nobody has been verified there
 */
export const CurrentSession = createParamDecorator((_: unknown, context: ExecutionContext) =>
  signedInOf(context.switchToHttp().getRequest<object>()),
);
