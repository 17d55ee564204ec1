import { createRequire } from 'node:module';
import { DomainError } from '../platform/domain-error.js';
import { givenPassword, isLike, isMadeOf, newPassword, requireUnlike } from './password-rules.js';

const faultOf = (password: string) => newPassword.safeParse(password).error?.issues[0]?.message;

it.each([
  ['1234567', 'must have at least 8 characters'],
  ['🔑'.repeat(7), 'must have at least 8 characters'],
  ['x'.repeat(257), 'must have at most 256 characters'],
  ['\ufdfa'.repeat(20), 'must have at most 256 characters'],
  ['password', 'is among the passwords that are guessed first'],
  ['PassWord', 'is among the passwords that are guessed first'],
  ['ｐａｓｓｗｏｒｄ', 'is among the passwords that are guessed first'],
  ['1q2w3e4r5t', 'is among the passwords that are guessed first'],
  ['unpaired \ud800', 'must be text'],
])('refuses %j: %s', (password, fault) => expect(faultOf(password)).toBe(fault));

it('refuses the three thousand that are used most, of those that are long enough', () => {
  const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-common') as {
    readonly dictionary: Readonly<Record<string, readonly string[]>>;
  };
  const long = (dictionary['passwords-common'] ?? []).filter(({ length }) => length >= 8);
  const first = long.slice(0, 3_000);
  expect(first).toHaveLength(3_000);
  expect(first.filter((password) => faultOf(password) === undefined)).toEqual([]);
});

it.each(['correct horse', 'aaaaaaab', '        x', 'пароль-из-слов', '🔑'.repeat(256), 'wkzqjxvp'])(
  'takes %j, whatever it is made of',
  (password) => expect(faultOf(password)).toBeUndefined(),
);

it('a password has one spelling, however it was typed', () => {
  const spellings = ['caf\u00e9 au lait', 'cafe\u0301 au lait'];
  expect(spellings.map((text) => newPassword.parse(text))).toEqual([spellings[0], spellings[0]]);
  expect(spellings.map((text) => givenPassword.parse(text))).toEqual([spellings[0], spellings[0]]);
  expect(givenPassword.parse('ﬁsh and chips')).toBe('fish and chips');
  const longest = 'e\u0301'.repeat(256);
  expect(givenPassword.parse(longest)).toBe(newPassword.parse(longest));
});

it('nothing else about it is changed', () => {
  for (const text of ['  MiXed Case\t ', 'İstanbul ŞİŞLİ', 'ß und SS', `${'long '.repeat(51)}!`]) {
    expect([newPassword.parse(text), givenPassword.parse(text)]).toEqual([text, text]);
  }
});

it.each([
  ['ann.smith@example.test', 'annsmith1999', true],
  ['ann.smith@example.test', 'ANN.SMITH@example.test', true],
  ['ann.smith@example.test', 'Smith-Example!', true],
  ['ann@example.test', 'ann ann ann ann', true],
  ['ann@example.test', 'ann has a wooden leg', false],
  ['ann@example.test', 'wooden leg', false],
  ['a@b.cd', 'a-b-cd-a-b', false],
  ['zoë@example.test', 'ZOË12345', true],
])('for %s, %j is too much like the address: %p', (email, password, expected) => {
  expect(isLike(email, password)).toBe(expected);
});

it('no password is hardly more than a word that is known here', () => {
  const known = { email: 'a@b.cd', words: ['countersign'] };
  expect(() => requireUnlike(known, 'Countersign2026', '/password')).toThrow(DomainError);
  expect(() => requireUnlike(known, 'some other words', '/password')).not.toThrow();
});

it('says which member of the request it is', () => {
  try {
    requireUnlike({ email: 'ann.smith@example.test', words: [] }, 'annsmith1999', '/new_password');
    throw new Error('it was taken');
  } catch (error) {
    expect((error as DomainError).code).toBe('invalid_input');
    expect((error as DomainError).errors).toEqual([
      { pointer: '/new_password', detail: 'is too much like the e-mail address' },
    ]);
  }
});

it.each([
  ['countersign', true],
  ['Countersign2026!', true],
  ['countersign-COUNTERSIGN', true],
  ['the blue shop', false],
  ['BlueShop99', true],
  ['ｂｌｕｅｓｈｏｐ１', true],
  ['nothing of it', false],
])('%j is hardly more than a word that everybody here knows: %p', (password, expected) => {
  expect(isMadeOf(['countersign', 'BlueShop'], newPassword.parse(password))).toBe(expected);
});
