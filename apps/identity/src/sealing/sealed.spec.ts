import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MasterKeys, newMasterKeyLine, UnusableMasterKeys } from './master-keys.js';
import type { MasterKeySettings } from './master-keys.js';
import { seal, unseal, UnsealFailed } from './sealed.js';

const line = (id: string, fill: number) => `${id} ${Buffer.alloc(32, fill).toString('base64url')}`;
const keys = MasterKeys.parse(
  line('new', 1) + '\n# kept until everything is sealed anew\n\n' + line('old', 2) + '\n',
);
const secret = Buffer.from('a private key');

it('opens what it sealed, under the first key', () => {
  const sealed = seal(keys, secret, 'row:1');
  expect(sealed.masterKeyId).toBe('new');
  expect(sealed.box.includes(secret)).toBe(false);
  expect(unseal(keys, sealed, 'row:1')).toEqual(secret);
});

it('opens what an older key sealed', () => {
  const sealed = seal(MasterKeys.parse(line('old', 2)), secret, 'row:1');
  expect(unseal(keys, sealed, 'row:1')).toEqual(secret);
});

it('never seals the same twice', () => {
  expect(seal(keys, secret, 'row:1').box).not.toEqual(seal(keys, secret, 'row:1').box);
});

it('does not open a box of another row, of another key, or a changed one', () => {
  const sealed = seal(keys, secret, 'row:1');
  expect(() => unseal(keys, sealed, 'row:2')).toThrow(UnsealFailed);
  expect(() => unseal(MasterKeys.parse(line('new', 3)), sealed, 'row:1')).toThrow(UnsealFailed);
  expect(() => unseal(MasterKeys.parse(line('old', 2)), sealed, 'row:1')).toThrow(/does not hold/);
  for (let at = 0; at < sealed.box.length; at += 1) {
    const box = Buffer.from(sealed.box);
    box[at]! ^= 1;
    expect(() => unseal(keys, { ...sealed, box }, 'row:1')).toThrow(UnsealFailed);
  }
  for (const length of [0, 11, 12, 27]) {
    expect(() => unseal(keys, { ...sealed, box: sealed.box.subarray(0, length) }, 'row:1')).toThrow(
      UnsealFailed,
    );
  }
});

it.each([
  ['nothing', '', /MASTER_KEY holds no key/],
  ['a comment', '# nothing here', /holds no key/],
  [
    'a short key',
    `k ${Buffer.alloc(31, 7).toString('base64url')}`,
    /line 1 .* 31 bytes; it must be 32/,
  ],
  ['a long key', `k ${Buffer.alloc(33, 7).toString('base64url')}`, /33 bytes/],
  ['no id', Buffer.alloc(32, 7).toString('base64url'), /is not "<id> <base64url of 32 bytes>"/],
  ['a third word', `${line('k', 7)} more`, /is not "<id>/],
  ['a strange id', line('k/1', 7), /has an id/],
  ['something that is not base64url', `k ${'!'.repeat(43)}`, /not base64url/],
  ['one id twice', `${line('k', 1)}\n${line('k', 2)}`, /two keys with one id/],
  ['a bad second line', `${line('k', 1)},old`, /line 2 /],
])('master keys with %s are refused, and not shown', (_name, text, message) => {
  const attempt = () => MasterKeys.fromSettings({ MASTER_KEY: text });
  expect(attempt).toThrow(UnusableMasterKeys);
  expect(attempt).toThrow(message);
  expect(attempt).not.toThrow(/BwcHBwcH|AQEBAQ|!!!/);
});

it('master keys come from a file, or from a text in which commas end lines', () => {
  const keysOf = (settings: MasterKeySettings) => MasterKeys.fromSettings(settings).ids();
  expect(keysOf({ MASTER_KEY: `${line('new', 1)},${line('old', 2)}` })).toEqual(['new', 'old']);
  const folder = mkdtempSync(join(tmpdir(), 'master-keys-'));
  const path = join(folder, 'keys');
  expect(() => keysOf({ MASTER_KEY_FILE: path })).toThrow(/cannot be read/);
  writeFileSync(path, `${newMasterKeyLine('made')}\n`);
  expect(keysOf({ MASTER_KEY_FILE: path })).toEqual(['made']);
  rmSync(folder, { recursive: true });
});
