import { applyDecorators, SetMetadata, UseGuards } from '@nestjs/common';
import type { CustomDecorator } from '@nestjs/common';
import { IS_PUBLIC, REQUIRED_SCOPES } from './access-rule.js';
import { ScopeGuard } from './scope.guard.js';

/**
 * Opens a route, or all routes of a controller, to requests without a token. Without it a route is protected. A class that
 * extends the controller does not inherit it; a method that it inherits keeps what stands on the method.
 */
export function Public(): CustomDecorator {
  return SetMetadata(IS_PUBLIC, true);
}

/**
 * Asks for scopes on top of a good token: all of them, and those of the controller and the classes that it extends together
 * with those of the route. On a route it takes precedence over `@Public()`, so that a contradiction closes.
 *
 * A guard must have verified the token before: one of the whole application, one on the controller where this stands on the route,
 * or one written below this on the same target. Otherwise nothing gets through.
 *
 * @throws {TypeError} for no scope at all, or a name that RFC 6749 §3.3 does not allow
 */
export function RequireScope(...scopes: [string, ...string[]]): ClassDecorator & MethodDecorator {
  if (!scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)) || scopes.length === 0) {
    throw new TypeError('RequireScope needs scope names as RFC 6749 §3.3 spells them');
  }
  return applyDecorators(SetMetadata(REQUIRED_SCOPES, scopes), UseGuards(new ScopeGuard()));
}
