import { describe, expect, test } from '@jest/globals';
import { PaymentStore } from './payment-store.js';
import type { Payment } from './payment.js';

const payment = (payer: string, n: number): Payment => ({
  id: `${payer}-${String(n)}`,
  payer,
  orderId: `order-${String(n)}`,
  amountCents: 100,
  createdAt: n,
});

const numbers = (payments: readonly Payment[]) => payments.map(({ createdAt }) => createdAt);

describe('the payments of one payer', () => {
  test('belong to the payer, also when somebody else uses the same order id', () => {
    const store = new PaymentStore();
    store.add(payment('anna', 1));
    expect(store.find('anna', 'order-1')).toMatchObject({ id: 'anna-1' });
    expect(store.find('bert', 'order-1')).toBeUndefined();
    expect(store.page('bert', 10)).toEqual({ payments: [], next: null });
  });

  test('come newest first, page by page, also when old ones are forgotten', () => {
    const store = new PaymentStore();
    for (let n = 1; n <= 1_002; n += 1) store.add(payment('anna', n));
    const first = store.page('anna', 2);
    expect(numbers(first.payments)).toEqual([1_002, 1_001]);
    store.add(payment('anna', 1_003));
    const second = store.page('anna', 1_000, first.next ?? undefined);
    expect(second.payments).toHaveLength(997);
    expect(numbers(second.payments)[0]).toBe(1_000);
    expect(second.next).toBeNull();
    expect(store.find('anna', 'order-3')).toBeUndefined();
  });
});
