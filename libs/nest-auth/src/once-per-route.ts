import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';

/** A controller, or one of its handlers: what decorators stand on. */
export type Decorated = Parameters<Reflector['get']>[1];

/**
 * Reads what decorators say about a route, and remembers it by controller and handler: it stays as it is while routes are
 * served, and the metadata of all of them would be searched for every request.
 */
export function oncePerRoute<T>(
  read: (reflector: Reflector, handler: Decorated, controller: Decorated) => T,
): (reflector: Reflector, context: ExecutionContext) => T {
  const known = new WeakMap<object, WeakMap<object, { readonly found: T }>>();
  return (reflector, context) => {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    let ofController = known.get(controller);
    if (!ofController) known.set(controller, (ofController = new WeakMap()));
    let entry = ofController.get(handler);
    if (!entry)
      ofController.set(handler, (entry = { found: read(reflector, handler, controller) }));
    return entry.found;
  };
}
