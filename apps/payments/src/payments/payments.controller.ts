import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { CurrentToken, RequireScope } from '@countersign/nest-auth';
import type { AccessToken } from '@countersign/token-verifier';
import type { z } from 'zod';
import { Clock } from '../platform/clock.js';
import { PaymentError } from './payment-error.js';
import { listPayments, makePayment } from './payment-input.js';
import { PaymentStore } from './payment-store.js';
import { paymentJson } from './payment.js';
import type { Payment } from './payment.js';

/** Everybody's own payments. */
@Controller('payments')
export class PaymentsController {
  constructor(
    private readonly payments: PaymentStore,
    private readonly clock: Clock,
  ) {}

  /** Pays for an order once: asked again for the same order and amount, it answers with the first payment. */
  @Post()
  @RequireScope('payments:write')
  pay(
    @CurrentToken() token: AccessToken,
    @Body({ schema: makePayment }) body: z.output<typeof makePayment>,
  ) {
    const made = this.payments.find(token.subject, body.order_id);
    if (made && made.amountCents !== body.amount_cents) throw new PaymentError('already_paid');
    return paymentJson(made ?? this.#pay(token.subject, body.order_id, body.amount_cents));
  }

  @Get()
  @RequireScope('payments:read')
  list(
    @CurrentToken() token: AccessToken,
    @Query({ schema: listPayments }) { limit, cursor }: z.output<typeof listPayments>,
  ) {
    const { payments, next } = this.payments.page(token.subject, limit, cursor);
    return { items: payments.map(paymentJson), next_cursor: next === null ? null : String(next) };
  }

  #pay(payer: string, orderId: string, amountCents: number): Payment {
    const createdAt = Math.floor(this.clock.now().getTime() / 1000);
    const payment = { id: randomUUID(), payer, orderId, amountCents, createdAt };
    this.payments.add(payment);
    return payment;
  }
}
