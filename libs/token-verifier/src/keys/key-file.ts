import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';

/** A key set as the issuer sent it, and when that was (NumericDate seconds). */
export interface StoredKeys {
  readonly fetchedAt: number;
  readonly jwks: string;
}

/** Where a verifier keeps the last good key set over a restart. Whoever can write there decides whom the verifier believes. */
export interface KeyStore {
  /** @returns `undefined` when nothing is stored; may throw when it cannot be read */
  load(): Promise<StoredKeys | undefined>;
  /** May throw; the verifier goes on without. */
  save(keys: StoredKeys): Promise<void>;
}

const MAX_BYTES = 512 * 1024;

/** Keeps the key set in a file, replaced at once and readable by its owner only (mode 0600). */
export function keyFile(path: string): KeyStore {
  return {
    async load() {
      const file = await open(path, 'r').catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      });
      if (!file) return undefined;
      try {
        if ((await file.stat()).size > MAX_BYTES) throw new Error('the key file is too large');
        return asStoredKeys(JSON.parse(await file.readFile('utf8')));
      } finally {
        await file.close();
      }
    },
    async save({ fetchedAt, jwks }) {
      const beside = `${path}.${randomUUID()}`;
      const file = await open(beside, 'wx', 0o600);
      try {
        await file.writeFile(JSON.stringify({ fetched_at: fetchedAt, jwks }));
        await file.close();
        await rename(beside, path);
      } catch (error) {
        await file.close();
        await rm(beside, { force: true });
        throw error;
      }
    },
  };
}

function asStoredKeys(value: unknown): StoredKeys {
  const { fetched_at: fetchedAt, jwks } = (value ?? {}) as Record<string, unknown>;
  if (typeof fetchedAt !== 'number' || typeof jwks !== 'string') {
    throw new Error('the key file does not hold a key set');
  }
  return { fetchedAt, jwks };
}
