import { isOpenedBy, oncePerRoute } from './once-per-route.js';
import type { RouteContext } from './once-per-route.js';

/** Metadata key of `@Public()`; `true` where it stands. */
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

/** Reads the rule for the route of a context from its decorators. */
export const accessRuleOf = oncePerRoute((handler, controller) =>
  decideAccess(declaredOn(handler), declaredOn(controller)),
);

/** Whether a route is public, for guards of other kinds that honour `@Public()` as well. */
export function isPublicRoute(context: RouteContext): boolean {
  return accessRuleOf(context) === 'public';
}

/** What opens is not inherited; what restricts is, and adds up. */
function declaredOn(target: object): Declared {
  return { isPublic: isOpenedBy(IS_PUBLIC, target), scopes: scopesOf(target) };
}

function scopesOf(target: object | null): readonly string[] {
  if (target === null) return [];
  const own = Reflect.getOwnMetadata(REQUIRED_SCOPES, target) as readonly string[] | undefined;
  return [...scopesOf(Object.getPrototypeOf(target) as object | null), ...(own ?? [])];
}

/** A route is public when its nearest decorator says so and no scope contradicts it there; otherwise scopes add up. */
export function decideAccess(onRoute: Declared, onController: Declared): AccessRule {
  const silent = !onRoute.isPublic && onRoute.scopes.length === 0;
  const nearest = silent ? onController : onRoute;
  if (nearest.isPublic && nearest.scopes.length === 0) return 'public';
  return { scopes: [...new Set([...onController.scopes, ...onRoute.scopes])] };
}
