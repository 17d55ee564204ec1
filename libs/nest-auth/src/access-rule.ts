import type { Reflector } from '@nestjs/core';
import { oncePerRoute } from './once-per-route.js';
import type { Decorated } from './once-per-route.js';

/** Metadata key of `@Public()`; `true` where it stands. For guards of other kinds that honour it as well. */
export const IS_PUBLIC = 'countersign:public';
/** Metadata key of `@RequireScope()`; the list of scopes. */
export const REQUIRED_SCOPES = 'countersign:scopes';

/** What a request must show to reach a route. */
export type AccessRule = 'public' | { readonly scopes: readonly string[] };

/** What decorators say on one class or one method. */
export interface Declared {
  readonly isPublic: boolean;
  readonly scopes: readonly string[];
}

/** Reads the rule for the route of `context` from its decorators. */
export const accessRuleOf = oncePerRoute((reflector, handler, controller) =>
  decideAccess(declaredOn(reflector, handler), declaredOn(reflector, controller)),
);

function declaredOn(reflector: Reflector, target: Decorated): Declared {
  return {
    isPublic: reflector.get<true | undefined>(IS_PUBLIC, target) === true,
    scopes: reflector.get<readonly string[] | undefined>(REQUIRED_SCOPES, target) ?? [],
  };
}

/** A route is public when its nearest decorator says so and no scope contradicts it there; otherwise scopes add up. */
export function decideAccess(onRoute: Declared, onController: Declared): AccessRule {
  const silent = !onRoute.isPublic && onRoute.scopes.length === 0;
  const nearest = silent ? onController : onRoute;
  if (nearest.isPublic && nearest.scopes.length === 0) return 'public';
  return { scopes: [...new Set([...onController.scopes, ...onRoute.scopes])] };
}
