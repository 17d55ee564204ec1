import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { startTestIssuer } from '@countersign/test-kit';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { publint } from 'publint';
import { CONSUMER, MISTAKES } from './downstream-consumer.js';
import { installPackedLibraries, LIBRARIES, pack, root, run } from './packed-libraries.js';
import type { DownstreamProject } from './packed-libraries.js';

jest.setTimeout(240_000);

const TYPESCRIPT = join(root, 'node_modules/typescript/bin/tsc');

/** Module systems of downstream teams: the format of their package, and how their TypeScript resolves. */
const SYSTEMS = [
  { name: 'ESM, node16', type: 'module', module: 'node16', resolution: 'node16' },
  { name: 'ESM, nodenext', type: 'module', module: 'nodenext', resolution: 'nodenext' },
  { name: 'ESM, bundler', type: 'module', module: 'esnext', resolution: 'bundler' },
  { name: 'CommonJS, node16', type: 'commonjs', module: 'node16', resolution: 'node16' },
  { name: 'CommonJS, nodenext', type: 'commonjs', module: 'nodenext', resolution: 'nodenext' },
  { name: 'CommonJS, bundler', type: 'commonjs', module: 'commonjs', resolution: 'bundler' },
] as const;

let project: DownstreamProject;

beforeAll(async () => {
  project = await installPackedLibraries();
});

afterAll(() => project.remove());

describe('the packed libraries', () => {
  test('install together into an empty project, and bring nobody else along', async () => {
    const installed = join(project.folder, 'node_modules');
    const names = (await readdir(installed)).filter((name) => !name.startsWith('.'));
    expect(names).toEqual(['@countersign']);
    expect(await readdir(join(installed, '@countersign'))).toEqual([...LIBRARIES].sort());
  });

  test.each(LIBRARIES)('%s holds its licence, its readme and no test', async (library) => {
    const folder = join(project.folder, 'node_modules/@countersign', library);
    const files = await readdir(folder, { recursive: true });
    expect(files.filter((file) => /spec|tsbuildinfo|tsconfig/.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'src/index.ts']));
    const licence = await readFile(join(root, 'LICENSE'), 'utf8');
    expect(await readFile(join(folder, 'LICENSE'), 'utf8')).toBe(licence);
  });

  test.each(LIBRARIES)('publint finds nothing in %s, not even a suggestion', async (library) => {
    const tarball = Uint8Array.from(await readFile(project.tarballs[library])).buffer;
    expect((await publint({ pack: { tarball }, strict: true })).messages).toEqual([]);
  });

  test.each(LIBRARIES)('the types of %s are right wherever it is resolved', async (library) => {
    const tarball = new Uint8Array(await readFile(project.tarballs[library]));
    const analysis = await checkPackage(createPackageFromTarballData(tarball));
    expect(analysis).toMatchObject({ types: { kind: 'included' }, problems: [] });
  });

  test('nest-auth, which needs Nest beside it, is packed as well as they are', async () => {
    const content = Uint8Array.from(await readFile(await pack('nest-auth', project.folder)));
    const { messages } = await publint({ pack: { tarball: content.buffer }, strict: true });
    expect(messages).toEqual([]);
    const analysis = await checkPackage(createPackageFromTarballData(content));
    const problems = 'problems' in analysis ? analysis.problems : [analysis];
    // The oldest way to resolve knows no subpaths such as /websockets; no Node that we support uses it.
    const modern = problems.filter(
      (problem) => !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
    );
    expect(modern).toEqual([]);
  });

  test('nest-auth declares its types without packages of @types that nobody has installed', async () => {
    const folder = join(root, 'libs/nest-auth/dist');
    const files = await readdir(folder, { recursive: true });
    const declarations = await Promise.all(
      files
        .filter((file) => file.endsWith('.d.ts'))
        .map((file) => readFile(join(folder, file), 'utf8')),
    );
    const named = declarations.flatMap((text) => [...text.matchAll(/from '([^.][^']*)'/g)]);
    const packages = new Set(named.map(([, name = '']) => name));
    expect(packages).toContain('@nestjs/common');
    const typed = await readdir(join(root, 'node_modules/@types'));
    expect(typed.filter((name) => packages.has(name))).toEqual([]);
  });

  test('compile under every module system, and their types refuse mistakes', async () => {
    for (const system of SYSTEMS) await writeConsumer(system);
    // One process for all: most of the time goes into reading the same declarations.
    await run(process.execPath, [TYPESCRIPT, '-b', ...SYSTEMS.map(folderOf)], project.folder);
  });

  test.each(SYSTEMS)('verify under $name', async (system) => {
    const compiled = join(project.folder, folderOf(system), 'consumer.js');
    const requires = (await readFile(compiled, 'utf8')).includes('require(');
    expect(requires).toBe(system.type === 'commonjs');
    const output = await run(process.execPath, [compiled], project.folder);
    expect(JSON.parse(output)).toEqual({ subject: 'anna', code: 'revoked', ours: true, kinds: 6 });
  });

  test('a CommonJS verifier under an ESM guard: its verdicts are recognised by their brand', async () => {
    const issuer = await startTestIssuer();
    issuer.revoke({ kind: 'sid', id: 'ended' });
    const { issuer: name, discoveryUrl, credentials } = issuer;
    const options = { issuer: name, audience: 'orders', discoveryUrl, credentials };
    const tokens = [await issuer.issue(), await issuer.issue({ sid: 'ended' }), 'nonsense'];
    const script = join(root, 'test/packages/esm-guard-commonjs-verifier.mjs');
    const values = [options, tokens].map((value) => JSON.stringify(value));
    const output = await run(process.execPath, [script, project.folder, ...values], root).finally(
      () => issuer.stop(),
    );
    const verdicts = [
      [200, 'accepted'],
      [401, 'revoked'],
      [401, 'malformed'],
    ];
    expect(JSON.parse(output)).toEqual({
      copies: 2,
      native: verdicts,
      passport: verdicts,
      unreachable: [
        [503, 'keys_unreachable'],
        [503, 'keys_unreachable'],
        [401, 'malformed'],
      ],
    });
  });
});

type System = (typeof SYSTEMS)[number];

function folderOf({ name }: System): string {
  return name.replace(/\W+/g, '-');
}

async function writeConsumer(system: System): Promise<void> {
  const folder = folderOf(system);
  const compilerOptions = {
    module: system.module,
    moduleResolution: system.resolution,
    target: 'es2023',
    lib: ['es2023'],
    strict: true,
    // The declarations are the same for all; to look into them once for each format is enough.
    skipLibCheck: system.resolution !== 'nodenext',
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  await project.write(join(folder, 'package.json'), JSON.stringify({ type: system.type }));
  await project.write(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  await project.write(join(folder, 'consumer.ts'), CONSUMER);
  await project.write(join(folder, 'mistakes.ts'), MISTAKES);
}
