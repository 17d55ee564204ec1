import { MasterKeys, UnusableMasterKeys } from './master-keys.js';
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
  ['nothing', ''],
  ['a comment', '# nothing here'],
  ['a short key', `k ${Buffer.alloc(31).toString('base64url')}`],
  ['a long key', `k ${Buffer.alloc(33).toString('base64url')}`],
  ['no id', Buffer.alloc(32).toString('base64url')],
  ['one id twice', `${line('k', 1)}\n${line('k', 2)}`],
])('a file with %s is refused without showing it', (_name, text) => {
  expect(() => MasterKeys.parse(text)).toThrow(UnusableMasterKeys);
});
