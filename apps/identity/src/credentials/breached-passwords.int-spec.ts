import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPeople, FROM, PASSWORD } from '../../test/people.js';
import { stopReplicas } from '../../test/identity-under-test.js';
import type { IdentityConfig } from '../config/identity-config.js';
import { BreachedPasswords, UnusablePasswordFile } from './breached-passwords.js';
import { PasswordChange } from './password-change.js';
import { PasswordHasher } from './password-hasher.js';

const folder = mkdtempSync(join(tmpdir(), 'identity-breached-'));
const opened: BreachedPasswords[] = [];
afterAll(async () => {
  for (const passwords of opened) await passwords.close();
  await stopReplicas();
  await rm(folder, { recursive: true, force: true });
});

const sha1 = (password: string) => createHash('sha1').update(password).digest('hex').toUpperCase();
let files = 0;
function fileOf(text: string): string {
  const path = join(folder, String((files += 1)));
  writeFileSync(path, text);
  return path;
}
async function openFile(path: string | undefined): Promise<BreachedPasswords> {
  const passwords = new BreachedPasswords({ BREACHED_PASSWORDS_FILE: path } as IdentityConfig);
  await passwords.load();
  opened.push(passwords);
  return passwords;
}

it.each([
  ['\n', (hash: string) => hash],
  ['\r\n', (hash: string, n: number) => `${hash}:${String(10 ** (n % 9))}`],
])(
  'finds each password of a file, the first and the last too, and no other (%j)',
  async (end, line) => {
    for (const count of [1, 2, 3, 500]) {
      const breached = Array.from({ length: count }, (_, n) => `breached ${String(n)}`);
      const lines = breached.map(sha1).sort().map(line);
      for (const text of [lines.join(end), lines.join(end) + end]) {
        const passwords = await openFile(fileOf(text));
        for (const password of breached) expect(await passwords.has(password)).toBe(true);
        for (let n = 0; n < 200; n += 1)
          expect(await passwords.has(`another ${String(n)}`)).toBe(false);
      }
    }
  },
);

it('without a file nothing is breached; an empty one holds nothing', async () => {
  expect(await (await openFile(undefined)).has('123456')).toBe(false);
  expect(await (await openFile(fileOf(''))).has('123456')).toBe(false);
});

it.each([
  ['is not there', () => join(folder, 'nowhere')],
  ['is something else', () => fileOf('123456\npassword\n')],
  ['holds hashes in lower case', () => fileOf(sha1('x').toLowerCase())],
])('a file that %s is a fault at the start', async (_, path) => {
  await expect(openFile(path())).rejects.toThrow(UnusablePasswordFile);
});

it('nobody sets a breached password', async () => {
  const people = await startPeople({
    settings: { BREACHED_PASSWORDS_FILE: fileOf(sha1('a breached password')) },
  });
  await people.replica.get(BreachedPasswords).load();
  opened.push(people.replica.get(BreachedPasswords));
  const accountId = await people.add('ann@example.test');
  const { session } = await people.signIn('ann@example.test');
  const owner = { accountId, sid: session.sid, from: FROM };
  const change = (next: string) => people.replica.get(PasswordChange).change(owner, PASSWORD, next);
  await expect(change('a breached password')).rejects.toMatchObject({
    code: 'invalid_input',
    errors: [{ pointer: '/new_password', detail: 'is in a list of breached passwords' }],
  });
  await expect(change('another password of mine')).resolves.toBeDefined();
  people.replica.get(PasswordHasher).close();
}, 120_000);
