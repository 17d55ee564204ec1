import { ExpiringMap } from './expiring-map.js';

const id = (n: number) => `entry-${String(n)}`;
const filled = (count: number, expiresAt = (_n: number) => 100) => {
  const map = new ExpiringMap<{ readonly expiresAt: number }>();
  for (let n = 0; n < count; n += 1) map.set(id(n), { expiresAt: expiresAt(n) });
  return map;
};
const found = (map: ReturnType<typeof filled>, count: number) =>
  Array.from({ length: count }, (_, n) => n).filter((n) => map.get(id(n)) !== undefined);

it.each([1, 255, 256, 257, 20_000])('%i entries are found, and no others', (count) => {
  const map = filled(count);
  expect(found(map, count * 2)).toHaveLength(count);
});

it('a sweep in parts loses nothing: what lives, and what comes while it is under way', () => {
  const count = 20_000;
  const map = filled(count, (n) => (n % 2 === 0 ? 100 : 50));
  map.sweep(60);
  for (let n = count; n < count + 500; n += 1) map.set(id(n), { expiresAt: 100 });
  for (let turn = 0; turn < 20; turn += 1) {
    map.sweep(60);
    const alive = found(map, count + 500);
    expect(alive).toHaveLength(count / 2 + 500);
    expect(alive.filter((n) => n < count && n % 2 === 1)).toEqual([]);
  }
  expect(map.size).toBe(count / 2 + 500);
});
