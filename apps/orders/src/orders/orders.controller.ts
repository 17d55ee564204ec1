import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { CurrentToken, RequireScope } from '@countersign/nest-auth';
import type { IncomingRequest } from '@countersign/service-host';
import type { AccessToken } from '@countersign/token-verifier';
import type { z } from 'zod';
import { PaymentsService } from '../payments/payments-service.js';
import { Clock } from '../platform/clock.js';
import { OrderError } from './order-error.js';
import { listOrders, nothing, placeOrder } from './order-input.js';
import { OrderStore } from './order-store.js';
import { orderJson } from './order.js';
import type { Order } from './order.js';

/** Everybody's own orders. Somebody else's do not exist: 404, never 403. */
@Controller('orders')
export class OrdersController {
  constructor(
    private readonly orders: OrderStore,
    private readonly payments: PaymentsService,
    private readonly clock: Clock,
  ) {}

  @Post()
  @RequireScope('orders:write')
  place(
    @CurrentToken() token: AccessToken,
    @Body({ schema: placeOrder }) body: z.output<typeof placeOrder>,
  ) {
    const order: Order = {
      id: randomUUID(),
      owner: token.subject,
      item: body.item,
      amountCents: body.amount_cents,
      status: 'placed',
      createdAt: Math.floor(this.clock.now().getTime() / 1000),
    };
    this.orders.add(order);
    return orderJson(order);
  }

  @Get()
  @RequireScope('orders:read')
  list(
    @CurrentToken() token: AccessToken,
    @Query({ schema: listOrders }) { limit, cursor }: z.output<typeof listOrders>,
  ) {
    const { orders, next } = this.orders.page(token.subject, limit, cursor);
    return { items: orders.map(orderJson), next_cursor: next === null ? null : String(next) };
  }

  @Get(':id')
  @RequireScope('orders:read')
  read(@CurrentToken() token: AccessToken, @Param('id') id: string) {
    return orderJson(this.#own(token, id));
  }

  /** Pays by the payments service, in the caller's name. It pays an order once, however often it is asked. */
  @Post(':id/pay')
  @HttpCode(200)
  @RequireScope('orders:write')
  async pay(
    @CurrentToken() token: AccessToken,
    @Param('id') id: string,
    @Body({ schema: nothing }) _body: z.output<typeof nothing>,
    @Req() incoming: IncomingRequest,
  ) {
    const order = this.#own(token, id);
    if (order.status === 'paid') throw new OrderError('already_paid');
    await this.payments.pay({ orderId: order.id, amountCents: order.amountCents }, token, incoming);
    const paid: Order = { ...order, status: 'paid' };
    this.orders.update(paid);
    return orderJson(paid);
  }

  #own(token: AccessToken, id: string): Order {
    const order = this.orders.find(token.subject, id);
    if (!order) throw new OrderError('order_not_found');
    return order;
  }
}
