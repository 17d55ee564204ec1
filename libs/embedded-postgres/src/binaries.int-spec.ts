import { chmod, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { prepareBinaries } from './binaries.js';
import { locateNativeFolder } from './platform-package.js';
import { chooseRunAs } from './run-as.js';

let folder: string;
let nativeFolder: string;

/** The package as npm unpacks it when it may not run scripts: no symbolic links. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-binaries-'));
  await cp(dirname(locateNativeFolder()), folder, {
    recursive: true,
    filter: (path) => !/\.so(\.\d+)?$/.test(path) || !/libicu|libpq\.|libpgtypes/.test(path),
  });
  nativeFolder = join(folder, 'native');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('the library links that npm could not make are made', async () => {
  expect(await readdir(join(nativeFolder, 'lib'))).not.toContain('libicuuc.so.60');
  const binaries = await prepareBinaries(nativeFolder, undefined, () => undefined);
  expect(binaries.postgres).toBe(join(nativeFolder, 'bin', 'postgres'));
  expect(binaries.majorVersion).toBe(18);
});

it('programs are copied only when Postgres runs as somebody who cannot reach them: when we are root', async () => {
  await chmod(folder, 0o700);
  const runAs = await chooseRunAs('/nonexistent');
  const both = await Promise.all([
    prepareBinaries(nativeFolder, runAs, () => undefined),
    prepareBinaries(nativeFolder, runAs, () => undefined),
  ]);
  expect(both[0].postgres.startsWith(folder)).toBe(process.getuid?.() !== 0);
  expect(both[1].postgres).toBe(both[0].postgres);
});
