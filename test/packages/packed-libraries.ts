import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a downstream team installs. The first two are for its service, test-kit is for its tests. */
export const LIBRARIES = ['revocation', 'token-verifier', 'test-kit'] as const;
export type Library = (typeof LIBRARIES)[number];

/** A project that has installed the packed libraries, and nothing else. */
export interface DownstreamProject {
  readonly folder: string;
  readonly tarballs: Readonly<Record<Library, string>>;
  /** Writes a file of the project. @returns its path */
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
}

/** Packs the libraries as `npm publish` would, and installs the tarballs without a network or a cache. */
export async function installPackedLibraries(): Promise<DownstreamProject> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-packages-'));
  const write = async (name: string, text: string) => {
    const file = join(folder, name);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
    return file;
  };
  await write('package.json', '{ "private": true }');
  const tarballs = {
    revocation: await pack('revocation', folder),
    'token-verifier': await pack('token-verifier', folder),
    'test-kit': await pack('test-kit', folder),
  };
  const cache = ['--cache', join(folder, '.npm')];
  await run('npm', ['install', '--offline', ...cache, ...Object.values(tarballs)], folder);
  return { folder, tarballs, write, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Runs a program to its end.
 *
 * @returns what it wrote to standard output
 * @throws {Error} when it fails, or takes longer than two minutes; the message holds all that it wrote
 */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const settings = { cwd, env: { ...process.env, ...env }, timeout: 120_000 };
    return (await promisify(execFile)(program, args, settings)).stdout;
  } catch (error) {
    const { message, stdout } = error as Error & { stdout?: string };
    throw new Error(`${message}\n${stdout ?? ''}`, { cause: error });
  }
}

/** @returns the path of the tarball, which is put into `folder` */
export async function pack(library: Library | 'nest-auth', folder: string): Promise<string> {
  const source = join(root, 'libs', library);
  const output = await run('npm', ['pack', '--json', '--pack-destination', folder], source);
  const [packed] = Object.values(JSON.parse(output) as Record<string, { filename: string }>);
  if (!packed) throw new Error(`npm packed nothing: ${output}`);
  return join(folder, packed.filename);
}
