import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { RequestAuthenticator } from './request-authenticator.js';
import { RouteAccess } from './route-access.js';

/**
 * Lets a request through when its access token verifies and has the scopes of the route. Registered for all routes by
 * `CountersignAuthModule`: a route without a decorator is protected. An `@Sse()` stream ends with its token.
 */
@Injectable()
export class AccessTokenGuard implements CanActivate {
  constructor(
    @Inject(RouteAccess) private readonly access: RouteAccess,
    @Inject(RequestAuthenticator) private readonly authenticator: RequestAuthenticator,
  ) {}

  canActivate(context: ExecutionContext): Promise<boolean> {
    return this.access.permit(context, (request) => this.authenticator.verify(request));
  }
}
