import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepOnce, newMasterKeys, openStateFolder, randomSecret } from './state-folder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function modes(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.map(async (entry) => {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      return `${entry.isDirectory() ? 'folder' : 'file'} ${(mode & 0o777).toString(8)}`;
    }),
  );
}

describe('secrets', () => {
  it('have 256 random bits', () => {
    expect(Buffer.from(randomSecret(), 'base64url')).toHaveLength(32);
    expect(randomSecret()).not.toBe(randomSecret());
    expect(newMasterKeys()).toMatch(/^mk-[0-9a-f]{8} [\w-]{43}\n$/);
  });

  it('are made once', async () => {
    const file = join(folder, 'secret');
    const first = await keepOnce(file, () => 'first\n');
    expect(await keepOnce(file, () => 'second\n')).toBe(first);
    expect(first).toBe('first');
  });
});

describe('the state folder', () => {
  it('is private, and so is everything in it', async () => {
    const path = join(folder, 'state');
    await openStateFolder(path);
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('700');
    expect(new Set(await modes(path))).toEqual(new Set(['folder 700', 'file 600']));
  });

  it('keeps a relying service that somebody declared, and its own up to date', async () => {
    const { relyingServicesFile } = await openStateFolder(folder);
    const read = async () =>
      JSON.parse(await readFile(relyingServicesFile, 'utf8')) as { id: string; audience: string }[];
    const billing = { id: 'billing', audience: 'billing', secret_sha256: 'f'.repeat(64) };
    const changed = (await read()).map((entry) => ({ ...entry, audience: 'changed' }));
    await writeFile(relyingServicesFile, JSON.stringify([...changed, billing]));
    await openStateFolder(folder);
    expect((await read()).map(({ audience }) => audience)).not.toContain('changed');
    expect(await read()).toContainEqual(billing);
  });

  it('keeps its secrets when it is opened again', async () => {
    const first = await openStateFolder(folder);
    const masterKeys = await readFile(first.masterKeyFile, 'utf8');
    const declared = await readFile(first.relyingServicesFile, 'utf8');
    expect(await openStateFolder(folder)).toEqual(first);
    expect(await readFile(first.masterKeyFile, 'utf8')).toBe(masterKeys);
    expect(await readFile(first.relyingServicesFile, 'utf8')).toBe(declared);
    expect(first.postgresPassword).not.toBe(first.databasePassword);
  });

  it('declares every relying service by the digest of its secret', async () => {
    const state = await openStateFolder(folder);
    const declared = JSON.parse(await readFile(state.relyingServicesFile, 'utf8')) as unknown[];
    const digest = async (id: keyof typeof state.secretFiles) =>
      createHash('sha256')
        .update((await readFile(state.secretFiles[id], 'utf8')).trim())
        .digest('hex');
    expect(declared).toEqual([
      { id: 'orders', audience: 'orders', secret_sha256: await digest('orders') },
      { id: 'payments', audience: 'payments', secret_sha256: await digest('payments') },
      { id: 'gateway', audience: null, secret_sha256: await digest('gateway') },
      { id: 'identity', audience: 'identity', secret_sha256: await digest('identity') },
    ]);
  });
});
