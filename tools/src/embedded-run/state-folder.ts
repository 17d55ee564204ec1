import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  declareRelyingServices,
  type RelyingServiceId,
  relyingServices,
} from './relying-services.js';

/** What an embedded run keeps between runs. Everything is readable by its owner only. */
export interface StateFolder {
  readonly path: string;
  readonly mailFolder: string;
  readonly masterKeyFile: string;
  readonly relyingServicesFile: string;
  /** Where the command line looks for the token of operator `embedded`. */
  readonly operatorTokenFile: string;
  readonly secretFiles: Readonly<Record<RelyingServiceId, string>>;
  /** Passwords of the database superuser and of the role that owns the database. */
  readonly postgresPassword: string;
  readonly databasePassword: string;
}

/** 256 random bits in a form that fits into headers, URLs and files. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** The text of a master key file with one new key. */
export function newMasterKeys(): string {
  return `mk-${randomBytes(4).toString('hex')} ${randomSecret()}\n`;
}

/** Makes the folder private, and all secrets that are missing. A secret that is there is never changed. */
export async function openStateFolder(path: string): Promise<StateFolder> {
  const at = (...parts: string[]): string => join(path, ...parts);
  for (const folder of [path, at('secrets'), at('mail')]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  }
  await keepOnce(at('master-keys'), newMasterKeys);
  const secrets = await relyingServiceSecrets((id) => at('secrets', id));
  const declared = await readIfThere(at('relying-services.json'));
  await replace(at('relying-services.json'), declareRelyingServices(secrets, declared));
  return {
    path,
    mailFolder: at('mail'),
    masterKeyFile: at('master-keys'),
    relyingServicesFile: at('relying-services.json'),
    operatorTokenFile: at('operator-token'),
    secretFiles: forEachService((id) => at('secrets', id)),
    postgresPassword: await keepOnce(at('secrets', 'postgres'), randomSecret),
    databasePassword: await keepOnce(at('secrets', 'database'), randomSecret),
  };
}

/**
 * The content of a file that is made once, without white space around it. Written beside it and linked into place, so
 * that no crash leaves half a secret.
 */
export async function keepOnce(file: string, make: () => string): Promise<string> {
  const existing = await readIfThere(file);
  if (existing !== undefined) return existing.trim();
  const draft = `${file}.new`;
  await writeFile(draft, make(), { mode: 0o600 });
  await link(draft, file);
  await rm(draft);
  return (await readFile(file, 'utf8')).trim();
}

/** Replaces a file as a whole. */
export async function replace(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, file);
}

export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function relyingServiceSecrets(
  fileOf: (id: RelyingServiceId) => string,
): Promise<Record<RelyingServiceId, string>> {
  const entries: (readonly [RelyingServiceId, string])[] = [];
  for (const { id } of relyingServices) {
    entries.push([id, await keepOnce(fileOf(id), randomSecret)]);
  }
  return Object.fromEntries(entries) as Record<RelyingServiceId, string>;
}

function forEachService(value: (id: RelyingServiceId) => string): Record<RelyingServiceId, string> {
  const entries = relyingServices.map(({ id }) => [id, value(id)] as const);
  return Object.fromEntries(entries) as Record<RelyingServiceId, string>;
}
