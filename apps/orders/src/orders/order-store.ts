import { Injectable } from '@nestjs/common';
import type { Order } from './order.js';

/** Past that a user's oldest order is forgotten, so that nobody can fill the memory. */
const MAX_ORDERS_PER_OWNER = 1_000;

interface OwnersOrders {
  /** Oldest first. */
  readonly orders: Order[];
  /** How many were forgotten before the first in {@link orders}. */
  forgotten: number;
}

/** Orders by owner, in memory: this service is a sample of how to verify tokens, not of how to store. */
@Injectable()
export class OrderStore {
  readonly #byOwner = new Map<string, OwnersOrders>();

  add(order: Order): void {
    const own = this.#byOwner.get(order.owner) ?? { orders: [], forgotten: 0 };
    this.#byOwner.set(order.owner, own);
    own.orders.push(order);
    if (own.orders.length > MAX_ORDERS_PER_OWNER) {
      own.orders.shift();
      own.forgotten += 1;
    }
  }

  /** One of the owner's own orders; `undefined` for an unknown id and for somebody else's alike. */
  find(owner: string, id: string): Order | undefined {
    return this.#byOwner.get(owner)?.orders.find((order) => order.id === id);
  }

  /** Replaces an order by its next state. */
  update(order: Order): void {
    const orders = this.#byOwner.get(order.owner)?.orders ?? [];
    const index = orders.findIndex(({ id }) => id === order.id);
    if (index >= 0) orders[index] = order;
  }

  /**
   * A page of the owner's orders, newest first.
   *
   * @param before the `next` of the page before, a position in the owner's history; orders placed meanwhile do not shift it
   * @returns `next` is `null` when there are no older ones
   */
  page(
    owner: string,
    limit: number,
    before = Number.POSITIVE_INFINITY,
  ): { readonly orders: readonly Order[]; readonly next: number | null } {
    const { orders, forgotten } = this.#byOwner.get(owner) ?? { orders: [], forgotten: 0 };
    const end = Math.max(0, Math.min(orders.length, before - forgotten));
    const start = Math.max(0, end - limit);
    return {
      orders: orders.slice(start, end).reverse(),
      next: start > 0 ? start + forgotten : null,
    };
  }
}
