import { FeedReaders, MAX_READERS_PER_SERVICE } from './feed-readers.js';

const reader = () => {
  const made = { isCutOff: false, cutOff: () => void (made.isCutOff = true) };
  return made;
};

it("an instance's new connection takes the place of its old one, and of no other", () => {
  const readers = new FeedReaders();
  const [old, other, foreign, anew] = [reader(), reader(), reader(), reader()];
  const leaveOld = readers.admit({ serviceId: 'orders', instanceId: 'a' }, old);
  readers.admit({ serviceId: 'orders', instanceId: 'b' }, other);
  readers.admit({ serviceId: 'payments', instanceId: 'a' }, foreign);
  readers.admit({ serviceId: 'orders', instanceId: 'a' }, anew);
  expect([old, other, foreign, anew].map(({ isCutOff }) => isCutOff)).toEqual([
    true,
    false,
    false,
    false,
  ]);
  leaveOld();
  expect(readers.countOf('orders')).toBe(2);
});

it('a service has so many places; who has one may come again, and another service has its own', () => {
  const readers = new FeedReaders();
  const leave: (() => void)[] = [];
  for (let n = 0; n < MAX_READERS_PER_SERVICE; n += 1) {
    const instanceId = n % 2 === 0 ? `i${String(n)}` : undefined;
    leave.push(readers.admit({ serviceId: 'orders', instanceId }, reader()));
  }
  const oneMore = () => readers.admit({ serviceId: 'orders', instanceId: 'more' }, reader());
  expect(oneMore).toThrow('too many instances');
  readers.admit({ serviceId: 'orders', instanceId: 'i0' }, reader());
  readers.admit({ serviceId: 'payments', instanceId: 'more' }, reader());
  leave[1]?.();
  expect(oneMore).not.toThrow();
});
