import { Injectable } from '@nestjs/common';
import type { Payment } from './payment.js';

/** Past that a payer's oldest payment is forgotten, so that nobody can fill the memory. */
const MAX_PAYMENTS_PER_PAYER = 1_000;

interface PayersPayments {
  /** By order, oldest first: a map keeps the order of insertion. */
  readonly byOrder: Map<string, Payment>;
  /** How many were forgotten before the first in {@link byOrder}. */
  forgotten: number;
}

/** Payments by payer, in memory: this service is a sample of how to verify tokens, not of how to store. */
@Injectable()
export class PaymentStore {
  readonly #byPayer = new Map<string, PayersPayments>();

  /** The payer's payment for an order, if there is one. Another payer's order of the same id is another order. */
  find(payer: string, orderId: string): Payment | undefined {
    return this.#byPayer.get(payer)?.byOrder.get(orderId);
  }

  add(payment: Payment): void {
    const own = this.#of(payment.payer);
    this.#byPayer.set(payment.payer, own);
    own.byOrder.set(payment.orderId, payment);
    const [oldest] = own.byOrder.keys();
    if (own.byOrder.size > MAX_PAYMENTS_PER_PAYER && oldest !== undefined) {
      own.byOrder.delete(oldest);
      own.forgotten += 1;
    }
  }

  /**
   * A page of the payer's payments, newest first.
   *
   * @param before the `next` of the page before, a position in the payer's history; payments made meanwhile do not shift it
   * @returns `next` is `null` when there are no older ones
   */
  page(
    payer: string,
    limit: number,
    before = Number.POSITIVE_INFINITY,
  ): { readonly payments: readonly Payment[]; readonly next: number | null } {
    const { byOrder, forgotten } = this.#of(payer);
    const payments = [...byOrder.values()];
    const end = Math.max(0, Math.min(payments.length, before - forgotten));
    const start = Math.max(0, end - limit);
    return {
      payments: payments.slice(start, end).reverse(),
      next: start > 0 ? start + forgotten : null,
    };
  }

  #of(payer: string): PayersPayments {
    return this.#byPayer.get(payer) ?? { byOrder: new Map<string, Payment>(), forgotten: 0 };
  }
}
