const acts = new WeakMap<object, () => void>();

/** What to do as soon as a request needs no more hashes, though it may go on. @param act does nothing when it is done again */
export function onceNoMoreHashing(request: object, act: () => void): void {
  acts.set(request, act);
}

/** A request needs no more hashes: others may have its place. */
export function noMoreHashing(request: object): void {
  acts.get(request)?.();
}
