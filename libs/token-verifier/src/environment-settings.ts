import { readFileSync } from 'node:fs';

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What differs from one installation to the next. */
export interface EnvironmentSettings {
  readonly issuer?: string;
  readonly discoveryUrl?: string;
  readonly credentials?: { readonly clientId: string; readonly clientSecret: string };
}

/**
 * What a relying service is told by its environment: `ISSUER_URL`, `DISCOVERY_URL`, `CLIENT_ID`, and `CLIENT_SECRET_FILE`, which
 * names a file, or `CLIENT_SECRET`. What is not set is left out; whether that will do is decided later.
 *
 * @throws {Error} naming the variable, when the file cannot be read; its `cause` says why
 */
export function settingsIn(environment: Environment): EnvironmentSettings {
  const { ISSUER_URL, DISCOVERY_URL, CLIENT_ID, CLIENT_SECRET, CLIENT_SECRET_FILE } = environment;
  const clientSecret =
    CLIENT_SECRET_FILE === undefined ? (CLIENT_SECRET ?? '') : readSecret(CLIENT_SECRET_FILE);
  return {
    ...(ISSUER_URL !== undefined && { issuer: ISSUER_URL }),
    ...(DISCOVERY_URL !== undefined && { discoveryUrl: DISCOVERY_URL }),
    ...(CLIENT_ID !== undefined && { credentials: { clientId: CLIENT_ID, clientSecret } }),
  };
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new Error(`CLIENT_SECRET_FILE cannot be read: ${(cause as Error).message}`, { cause });
  }
}
