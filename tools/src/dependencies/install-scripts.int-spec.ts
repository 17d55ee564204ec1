import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'countersign-install-'));
afterAll(() => rmSync(folder, { recursive: true }));

const npm = (cwd: string, ...args: string[]) => {
  // What an npm around this test has set says nothing about the file.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)),
  );
  return promisify(execFile)('npm', [...args, '--offline', '--no-audit', '--no-fund'], {
    cwd,
    env,
  });
};

/** A package that writes a file when it is installed, as a tarball. */
async function packNoisy(trace: string): Promise<string> {
  const source = join(folder, 'noisy');
  mkdirSync(source);
  const script = `node -e "require('fs').appendFileSync(${JSON.stringify(trace).replaceAll('"', "'")}, 'x')"`;
  const scripts = { preinstall: script, install: script, postinstall: script };
  writeFileSync(
    join(source, 'package.json'),
    JSON.stringify({ name: 'noisy', version: '1.0.0', scripts }),
  );
  await npm(source, 'pack', '--ignore-scripts');
  return join(source, 'noisy-1.0.0.tgz');
}

/** A project with this `.npmrc`, and that package in it. */
async function install(name: string, tarball: string, npmrc?: string): Promise<void> {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      name,
      version: '1.0.0',
      private: true,
      dependencies: { noisy: `file:${tarball}` },
    }),
  );
  if (npmrc !== undefined) copyFileSync(npmrc, join(project, '.npmrc'));
  await npm(project, 'install');
}

it('no install script of any package runs, in this repository and in bench/', async () => {
  const trace = join(folder, 'trace');
  const tarball = await packNoisy(trace);
  for (const npmrc of ['.npmrc', 'bench/.npmrc']) {
    await install(npmrc.replaceAll(/\W/g, '-'), tarball, join(root, npmrc));
    expect(existsSync(trace)).toBe(false);
  }
  // And it would: the test can tell.
  await install('without', tarball);
  expect(readFileSync(trace, 'utf8')).toBe('xxx');
});

it('what installs packages elsewhere says so itself', () => {
  for (const file of ['tools/test-node24.sh', 'tools/test-nest11.sh', 'Dockerfile']) {
    const lines = readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('#') && /\bnpm["']?,? ["']?(ci|install)\b/.test(line));
    expect([file, lines.length > 0]).toEqual([file, true]);
    for (const line of lines)
      expect([file, line]).toEqual([file, expect.stringContaining('--ignore-scripts')]);
  }
});
