/** That somebody paid for one of their orders. */
export interface Payment {
  readonly id: string;
  /** The `sub` of who paid; nobody else ever sees it. */
  readonly payer: string;
  readonly orderId: string;
  readonly amountCents: number;
  /** NumericDate seconds. */
  readonly createdAt: number;
}

/** The wire shape of a payment. */
export function paymentJson(payment: Payment) {
  return {
    id: payment.id,
    order_id: payment.orderId,
    amount_cents: payment.amountCents,
    created_at: payment.createdAt,
  };
}
