/** The part of an `ExecutionContext` that says which route it is about. */
export interface RouteContext {
  getHandler(): object;
  getClass(): object;
}

/**
 * Reads what decorators say about a route, and remembers it by controller and handler: it stays as it is while routes are
 * served, and the metadata of all of them would be searched for every request.
 */
export function oncePerRoute<T>(
  read: (handler: object, controller: object) => T,
): (context: RouteContext) => T {
  const known = new WeakMap<object, WeakMap<object, { readonly found: T }>>();
  return (context) => {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    let ofController = known.get(controller);
    if (!ofController) known.set(controller, (ofController = new WeakMap()));
    let entry = ofController.get(handler);
    if (!entry) ofController.set(handler, (entry = { found: read(handler, controller) }));
    return entry.found;
  };
}

/**
 * Whether a decorator that opens something stands on this very class or method. One on a base class opens only the base class:
 * who wrote it could not know the routes of the classes that extend it.
 */
export function isOpenedBy(key: string, target: object): boolean {
  return Reflect.getOwnMetadata(key, target) === true;
}
