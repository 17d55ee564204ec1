import fc from 'fast-check';
import { RevokedIds } from './revoked-ids.js';
import { SEGMENT_CAPACITY } from './uuid-segment.js';
import { UuidSet } from './uuid-set.js';
import { readUuid } from './uuid-words.js';

/** Different words for every number, as random as those of a UUID. */
function words(n: number): Int32Array {
  const next = (x: number) => Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) ^ 0x5bd1e995;
  const first = next(n + 1);
  return Int32Array.of(n, first, next(first), next(next(first)));
}
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const held = (set: UuidSet, count: number) => numbers(count).filter((n) => set.has(words(n)));
const many = SEGMENT_CAPACITY * 3;

describe('a UUID in words', () => {
  it('is read from its canonical form, and from nothing else', () => {
    const read = new Int32Array(4);
    expect(readUuid('01234567-89ab-cdef-fedc-ba9876543210', read)).toBe(true);
    expect([...read].map((word) => (word >>> 0).toString(16))).toEqual([
      '1234567',
      '89abcdef',
      'fedcba98',
      '76543210',
    ]);
    for (const text of [
      '',
      '01234567-89AB-cdef-fedc-ba9876543210',
      '0123456789abcdeffedcba9876543210',
      '01234567-89ab-cdef-fedc-ba987654321',
      '01234567-89ab-cdef-fedc-ba98765432100',
      '01234567-89ab-cdef-fedc-ba987654321g',
      '01234567-89ab-cdef-fedc-ba987654321\u0130',
      '01234567+89ab-cdef-fedc-ba9876543210',
      '0123456-789ab-cdef-fedc-ba9876543210',
    ]) {
      expect(readUuid(text, read)).toBe(false);
    }
  });

  it('differs whenever the text differs', () => {
    const [one, other] = [new Int32Array(4), new Int32Array(4)];
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.integer({ min: 0, max: 35 }),
        fc.integer({ min: 1, max: 15 }),
        (id, at, by) => {
          const digit = Number.parseInt(id.charAt(at), 16);
          if (Number.isNaN(digit)) return;
          const changed = id.slice(0, at) + ((digit + by) % 16).toString(16) + id.slice(at + 1);
          expect(readUuid(id, one) && readUuid(changed, other)).toBe(true);
          expect([...one]).not.toEqual([...other]);
        },
      ),
    );
  });
});

describe('a set of UUIDs', () => {
  it('holds what was added and nothing else, however often it has split', () => {
    const set = new UuidSet();
    for (let n = 0; n < many; n += 1) set.add(words(n), 100);
    expect(set.size).toBe(many);
    expect(held(set, 2 * many)).toEqual(numbers(many));
  });

  it('compares whole identifiers', () => {
    const set = new UuidSet();
    set.add(Int32Array.of(1, 2, 3, 4), 100);
    for (const other of [
      [0, 2, 3, 4],
      [1, 0, 3, 4],
      [1, 2, 0, 4],
      [1, 2, 3, 0],
    ])
      expect(set.has(Int32Array.from(other))).toBe(false);
  });

  it('keeps the later of two ends', () => {
    const set = new UuidSet();
    set.add(words(1), 100);
    expect(set.add(words(1), 90)).toBe('unchanged');
    expect(set.add(words(1), 200)).toBe('changed');
    set.sweep(200);
    expect(set.has(words(1))).toBe(true);
    set.sweep(201);
    expect(set.has(words(1))).toBe(false);
  });

  it('gives ended entries up, whole or in part, and keeps the others', () => {
    const set = new UuidSet();
    for (let n = 0; n < many; n += 1) set.add(words(n), n % 3 === 0 ? 200 : 100);
    for (let call = 0; call < 100; call += 1) set.sweep(101);
    const kept = numbers(many).filter((n) => n % 3 === 0);
    expect(set.size).toBe(kept.length);
    expect(held(set, many)).toEqual(kept);
    for (let call = 0; call < 100; call += 1) set.sweep(201);
    expect(set.size).toBe(0);
    for (let n = 0; n < many; n += 1) set.add(words(n), 300);
    expect(held(set, many)).toEqual(numbers(many));
  });

  it('does not grow while as much ends as is added', () => {
    const set = new UuidSet();
    for (let n = 0; n < 4 * many; n += 1) {
      set.add(words(n), 1 + Math.floor(n / 1_000));
      if (n % 1_000 === 0) set.sweep(Math.max(0, Math.floor(n / 1_000) - 5));
    }
    expect(set.size).toBeLessThan(many);
  });

  it('says when identifiers are so alike that all would be in one place; they are kept elsewhere then', () => {
    const ids = new RevokedIds();
    const set = new UuidSet();
    let full = 0;
    for (let n = 0; n < SEGMENT_CAPACITY + 10; n += 1) {
      const hidden = collision(n);
      if (set.add(hidden, 100) === 'full') full += 1;
      ids.add(textOf(hidden), 100);
    }
    expect(full).toBe(10);
    for (let n = 0; n < SEGMENT_CAPACITY + 10; n += 1)
      expect(ids.has(textOf(collision(n)))).toBe(true);
  });
});

describe('identifiers that are no UUIDs', () => {
  it('are held as they are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ maxLength: 40 }), { minLength: 2 }),
        ([one, ...others]) => {
          const ids = new RevokedIds();
          ids.add(one!, 100);
          return ids.has(one!) && !others.some((other) => ids.has(other));
        },
      ),
    );
  });

  it('an upper-case UUID is another identifier', () => {
    const ids = new RevokedIds();
    ids.add('01234567-89AB-CDEF-FEDC-BA9876543210', 100);
    expect(ids.has('01234567-89AB-CDEF-FEDC-BA9876543210')).toBe(true);
    expect(ids.has('01234567-89ab-cdef-fedc-ba9876543210')).toBe(false);
  });

  it('are forgotten after their time', () => {
    const ids = new RevokedIds();
    for (let n = 0; n < 10_000; n += 1) ids.add(`free-form-${n}`, 100 + (n % 2));
    for (let call = 0; call < 4; call += 1) ids.sweep(101);
    expect(ids.size).toBe(5_000);
    expect(ids.has('free-form-0')).toBe(false);
    expect(ids.has('free-form-1')).toBe(true);
  });
});

/** Words that differ in the inner ones only, which the hash does not look at. */
const collision = (n: number) => Int32Array.of(7, n, n, 7);

function textOf(id: Int32Array): string {
  const hex = [...id].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  return [0, 8, 12, 16, 20].map((at, n) => hex.slice(at, [8, 12, 16, 20, 32][n])).join('-');
}
