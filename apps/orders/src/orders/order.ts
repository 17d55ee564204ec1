/** What somebody ordered. */
export interface Order {
  readonly id: string;
  /** The `sub` of who placed it; nobody else ever sees it. */
  readonly owner: string;
  readonly item: string;
  readonly amountCents: number;
  readonly status: 'placed' | 'paid';
  /** NumericDate seconds. */
  readonly createdAt: number;
}

/** The wire shape of an order. */
export function orderJson(order: Order) {
  return {
    id: order.id,
    item: order.item,
    amount_cents: order.amountCents,
    status: order.status,
    created_at: order.createdAt,
  };
}
