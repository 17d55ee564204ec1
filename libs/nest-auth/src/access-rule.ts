import { SetMetadata } from '@nestjs/common';
import type { CustomDecorator, ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';

/** Metadata key of {@link Public}; `true` where it stands. For guards of other kinds that honour it as well. */
export const IS_PUBLIC = 'countersign:public';
/** Metadata key of {@link RequireScope}; the list of scopes. */
export const REQUIRED_SCOPES = 'countersign:scopes';

/** Opens a route, or all routes of a controller, to requests without a token. Without it a route is protected. */
export function Public(): CustomDecorator {
  return SetMetadata(IS_PUBLIC, true);
}

/**
 * Asks for scopes on top of a good token: all of them, and those of the controller together with those of the route. On a
 * route it takes precedence over `@Public()`, so that a contradiction closes.
 *
 * @throws {TypeError} for no scope at all, or a name that RFC 6749 §3.3 does not allow
 */
export function RequireScope(...scopes: [string, ...string[]]): CustomDecorator {
  if (!scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)) || scopes.length === 0) {
    throw new TypeError('RequireScope needs scope names as RFC 6749 §3.3 spells them');
  }
  return SetMetadata(REQUIRED_SCOPES, scopes);
}

/** What a request must show to reach a route. */
export type AccessRule = 'public' | { readonly scopes: readonly string[] };

/** What decorators say on one class or one method. */
export interface Declared {
  readonly isPublic: boolean;
  readonly scopes: readonly string[];
}

/** Reads the rule for the route of `context` from its decorators. */
export function accessRuleOf(reflector: Reflector, context: ExecutionContext): AccessRule {
  const [onRoute, onController] = [context.getHandler(), context.getClass()].map((target) => ({
    isPublic: reflector.get<true | undefined>(IS_PUBLIC, target) === true,
    scopes: reflector.get<readonly string[] | undefined>(REQUIRED_SCOPES, target) ?? [],
  }));
  return decideAccess(onRoute ?? NOTHING, onController ?? NOTHING);
}

/** A route is public when its nearest decorator says so and no scope contradicts it there; otherwise scopes add up. */
export function decideAccess(onRoute: Declared, onController: Declared): AccessRule {
  const silent = !onRoute.isPublic && onRoute.scopes.length === 0;
  const nearest = silent ? onController : onRoute;
  if (nearest.isPublic && nearest.scopes.length === 0) return 'public';
  return { scopes: [...new Set([...onController.scopes, ...onRoute.scopes])] };
}

const NOTHING: Declared = { isPublic: false, scopes: [] };
