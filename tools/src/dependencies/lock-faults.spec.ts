import { readFileSync } from 'node:fs';
import { lockFaults } from './lock-faults.js';
import type { LockFile } from './lock-faults.js';

const read = (path: string) =>
  JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')) as LockFile;
const lock = read('package-lock.json');

it.each(['package-lock.json', 'bench/package-lock.json'])(
  '%s holds every package to its version, its origin and its digest',
  (path) => {
    const file = read(path);
    expect(Object.keys(file.packages).length).toBeGreaterThan(100);
    expect(lockFaults(file)).toEqual([]);
  },
);

describe('it is noticed when', () => {
  const name = 'node_modules/fastify';
  const changed = (more: object, path = name): LockFile => ({
    ...lock,
    packages: { ...lock.packages, [path]: { ...lock.packages[path], ...more } },
  });
  it.each([
    ['a package has no digest', changed({ integrity: undefined })],
    ['it has a weak one', changed({ integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' })],
    [
      'it has none, and is optional where the image is built',
      changed({ integrity: undefined, optional: true }),
    ],
    ['it has a range in place of a version', changed({ version: '^5.0.0' })],
    ['it comes from another place', changed({ resolved: 'https://evil.example/fastify.tgz' })],
    ['it comes from a repository', changed({ resolved: 'git+ssh://git@example.test/fastify.git' })],
    ['we ask for the newest', changed({ dependencies: { fastify: 'latest' } }, 'apps/gateway')],
    [
      'we ask for a repository',
      changed({ dependencies: { fastify: 'github:fastify/fastify' } }, 'apps/gateway'),
    ],
    ['we ask for a place', changed({ devDependencies: { x: 'https://evil.example/x.tgz' } }, '')],
    ['the file is of another version', { ...lock, lockfileVersion: 1 }],
  ])('%s', (_what, file) => {
    expect(lockFaults(lock)).toEqual([]);
    expect(lockFaults(file)).toHaveLength(1);
  });
});
