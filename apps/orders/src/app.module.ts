import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { CountersignAuthModule } from '@countersign/nest-auth';
import type { TokenVerifier } from '@countersign/token-verifier';
import { OrderStore } from './orders/order-store.js';
import { OrdersController } from './orders/orders.controller.js';
import { PaymentsService } from './payments/payments-service.js';
import { Clock } from './platform/clock.js';

export interface AppParts {
  readonly verifier: TokenVerifier;
  readonly payments: PaymentsService;
  readonly clock: Clock;
}

/** The whole application. Every route needs a token: there is no `@Public()` here. */
@Module({ controllers: [OrdersController], providers: [OrderStore] })
export class AppModule {
  static of({ verifier, payments, clock }: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [CountersignAuthModule.forRoot({ verifier })],
      providers: [
        { provide: PaymentsService, useValue: payments },
        { provide: Clock, useValue: clock },
      ],
    };
  }
}
