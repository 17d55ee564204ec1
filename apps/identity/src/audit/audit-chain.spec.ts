import { randomBytes } from 'node:crypto';
import type { ChainedRow } from './audit-chain.js';
import { digestOf, digestOfPersonal, formatHead, parseHead } from './audit-chain.js';

const row: ChainedRow = {
  id: '7',
  at: '1763784000.123456',
  actor: 'operator:ann',
  action: 'key.revoke',
  target: 'k1',
  accountId: null,
  details: '{"reason": "found"}',
};
const key = randomBytes(32);
const previous = randomBytes(32);
const digest = (
  from = previous,
  position = 3,
  what: ChainedRow = row,
  personal: Buffer | null = null,
): string => digestOf(key, from, position, what, personal).toString('hex');

it('covers the key, what came before, the position, every column, and the digest of what is personal', () => {
  const all = [
    digest(),
    digestOf(randomBytes(32), previous, 3, row, null).toString('hex'),
    digest(randomBytes(32)),
    digest(previous, 4),
    digest(previous, 3, row, Buffer.alloc(32)),
    ...Object.keys(row).map((column) => digest(previous, 3, { ...row, [column]: 'x' })),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(all).toHaveLength(5 + 7);
  expect(digest()).toBe(all[0]);
});

it('does not confuse what stands in one column with what stands in two', () => {
  expect(digest(previous, 3, { ...row, actor: 'a","b', action: 'c' })).not.toBe(
    digest(previous, 3, { ...row, actor: 'a', action: 'b","c' }),
  );
  expect(digest(previous, 3, { ...row, target: 'null' })).not.toBe(
    digest(previous, 3, { ...row, target: null }),
  );
});

it('what is personal has another digest under each salt', () => {
  const [one, other] = [randomBytes(32), randomBytes(32)];
  expect(digestOfPersonal(one, '{}')).toEqual(digestOfPersonal(one, '{}'));
  expect(digestOfPersonal(one, '{}')).not.toEqual(digestOfPersonal(other, '{}'));
});

it('reads the heads that it writes, and nothing else', () => {
  const head = { position: 12, digest: randomBytes(32) };
  expect(parseHead(formatHead(head))).toEqual(head);
  const text = formatHead({ position: 12, digest: Buffer.alloc(32) });
  for (const wrong of [
    '',
    '12',
    '12:',
    text.slice(0, -1),
    `0${text}`,
    `${text}=`,
    `${text.slice(0, -1)}B`,
  ]) {
    expect(parseHead(wrong)).toBeUndefined();
  }
});
