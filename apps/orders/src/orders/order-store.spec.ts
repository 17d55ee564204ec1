import { describe, expect, test } from '@jest/globals';
import { OrderStore } from './order-store.js';
import type { Order } from './order.js';

const order = (owner: string, n: number): Order => ({
  id: `${owner}-${String(n)}`,
  owner,
  item: 'a thing',
  amountCents: 100,
  status: 'placed',
  createdAt: n,
});

function storeWith(count: number, owner = 'anna'): OrderStore {
  const store = new OrderStore();
  for (let n = 1; n <= count; n += 1) store.add(order(owner, n));
  return store;
}

const numbers = (orders: readonly Order[]) => orders.map(({ createdAt }) => createdAt);

describe('the orders of one owner', () => {
  test('are found by their owner only', () => {
    const store = storeWith(1);
    expect(store.find('anna', 'anna-1')).toBeDefined();
    expect(store.find('bert', 'anna-1')).toBeUndefined();
    expect(store.page('bert', 10)).toEqual({ orders: [], next: null });
  });

  test('come newest first, page by page, until there are none', () => {
    const store = storeWith(5);
    const first = store.page('anna', 2);
    expect(numbers(first.orders)).toEqual([5, 4]);
    store.add(order('anna', 6));
    const second = store.page('anna', 2, first.next ?? undefined);
    expect(numbers(second.orders)).toEqual([3, 2]);
    const last = store.page('anna', 2, second.next ?? undefined);
    expect(numbers(last.orders)).toEqual([1]);
    expect(last.next).toBeNull();
  });

  test('are forgotten, oldest first, past a thousand, and cursors still hold', () => {
    const store = storeWith(1_000);
    const { next } = store.page('anna', 1);
    for (let n = 1_001; n <= 1_003; n += 1) store.add(order('anna', n));
    expect(store.find('anna', 'anna-3')).toBeUndefined();
    expect(numbers(store.page('anna', 1, next ?? undefined).orders)).toEqual([999]);
    expect(store.page('anna', 10, 2)).toEqual({ orders: [], next: null });
  });

  test('change by replacement', () => {
    const store = storeWith(2);
    store.update({ ...order('anna', 2), status: 'paid' });
    expect(store.find('anna', 'anna-2')).toMatchObject({ status: 'paid' });
    expect(store.find('anna', 'anna-1')).toMatchObject({ status: 'placed' });
  });
});
