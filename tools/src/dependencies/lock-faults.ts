/** An entry of a lock file, as far as it says where a package comes from. */
interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** `package-lock.json`, version 3. */
export interface LockFile {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const REGISTRY = 'https://registry.npmjs.org/';
const EXACT = /^\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?$/;
const DIGEST = /^sha512-[A-Za-z0-9+/]{86}==$/;
/** Versions and ranges of the registry, or another name there; nothing that names a place. */
const RANGE = /^(npm:(@[\w-]+\/)?[\w.-]+@)?[~^]?\d+(\.\d+){0,2}(-[\w.-]+)?$/;

/**
 * What a lock file leaves open: a package without an exact version, from elsewhere than the registry, or that no digest holds to what it
 * was. Without a digest may be what only development uses, only on another platform than this file was made on: npm cannot read those.
 */
export function lockFaults({ lockfileVersion, packages }: LockFile): string[] {
  return [
    ...(lockfileVersion === 3 ? [] : ['the lock file is not of version 3']),
    ...Object.entries(packages).flatMap(([path, entry]) =>
      path.startsWith('node_modules/') || path.includes('/node_modules/')
        ? faultsOfPackage(path, entry)
        : faultsOfManifest(path, entry),
    ),
  ];
}

function faultsOfPackage(path: string, entry: LockedPackage): string[] {
  if (entry.link) return [];
  const faults: string[] = [];
  if (!EXACT.test(entry.version ?? '')) faults.push(`${path} has no exact version`);
  if (entry.resolved !== undefined && !entry.resolved.startsWith(REGISTRY))
    faults.push(`${path} comes from elsewhere than the registry`);
  const isHeld = entry.integrity === undefined ? isForeign(entry) : DIGEST.test(entry.integrity);
  if (!isHeld) faults.push(`${path} has no digest`);
  return faults;
}

/** Whether `npm ci` installs it on some other platform only, and for development only. */
function isForeign({ dev, optional, os, cpu }: LockedPackage): boolean {
  const isHere = os?.includes(process.platform) === true && cpu?.includes(process.arch) === true;
  return dev === true && optional === true && os !== undefined && cpu !== undefined && !isHere;
}

/** What a package of ours asks for. */
function faultsOfManifest(path: string, entry: LockedPackage): string[] {
  const asked = {
    ...entry.dependencies,
    ...entry.devDependencies,
    ...entry.optionalDependencies,
  };
  return Object.entries(asked)
    .filter(([, range]) => !range.split(' || ').every((one) => RANGE.test(one)))
    .map(([name, range]) => `${path || 'the repository'} asks for ${name} by ${range}`);
}
