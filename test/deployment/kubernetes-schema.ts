import { createRequire } from 'node:module';
import type { Manifest } from './kustomize.js';

type Models = Readonly<
  Record<string, { prototype: { validate(this: unknown): void } } | undefined>
>;

const require = createRequire(import.meta.url);

/** The validator of a kind; `undefined` for what Kubernetes itself does not know. */
function modelOf({ apiVersion, kind }: Manifest) {
  try {
    return (require(`kubernetes-models/${apiVersion}`) as Models)[kind];
  } catch {
    return undefined;
  }
}

export function canBeValidated(manifest: Manifest): boolean {
  return modelOf(manifest) !== undefined;
}

/**
 * Holds a manifest against the schema of its kind.
 *
 * The validators accept fields that the schema does not name. But they look at each field that it does name, so a field which
 * was never looked at is one that Kubernetes does not know.
 *
 * @returns what is wrong
 */
export function faultsOf(manifest: Manifest): readonly string[] {
  const Model = modelOf(manifest);
  if (!Model) return ['no schema'];
  const unseen = new Map<string, Set<string>>();
  const watched = watch(manifest, '', unseen);
  const faults: string[] = [];
  try {
    Model.prototype.validate.call(watched);
  } catch (error) {
    faults.push((error as Error).message);
  }
  for (const [path, names] of unseen) {
    for (const name of names) faults.push(`unknown field ${path}/${name}`);
  }
  return faults;
}

/** The same value, noting which members nobody has looked at. */
function watch(value: unknown, path: string, unseen: Map<string, Set<string>>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value))
    return value.map((item, index) => watch(item, `${path}/${String(index)}`, unseen));
  const names = new Set(Object.keys(value));
  unseen.set(path, names);
  const members = Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, watch(member, `${path}/${name}`, unseen)]),
  );
  return new Proxy(members, {
    get(target, name, receiver) {
      if (typeof name === 'string') names.delete(name);
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
}
