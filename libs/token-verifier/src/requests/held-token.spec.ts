import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import type { AccessToken } from '../tokens/access-token.js';
import { HeldToken } from './held-token.js';

const tokenOf = (subject: string) => ({ subject }) as AccessToken;

test('the last token that was put is the one that is held, each by its own holder', () => {
  const [one, other] = [{}, ['a']];
  HeldToken.put(one, tokenOf('anna'));
  HeldToken.put(one, tokenOf('bert'));
  HeldToken.put(other, tokenOf('carl'));
  expect(HeldToken.of(one)?.subject).toBe('bert');
  expect(HeldToken.of(other)?.subject).toBe('carl');
  HeldToken.put(one, undefined);
  expect([HeldToken.of(one), HeldToken.of({})]).toEqual([undefined, undefined]);
});

test('a holder shows nothing of it, and hands it on to nobody', () => {
  const holder = { path: '/' };
  HeldToken.put(holder, tokenOf('anna'));
  expect(inspect(holder, { showHidden: true })).toBe("{ path: '/' }");
  expect(Reflect.ownKeys(holder)).toEqual(['path']);
  for (const copy of [{ ...holder }, structuredClone(holder), Object.create(holder) as object]) {
    expect(HeldToken.of(copy)).toBeUndefined();
  }
});
