import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { CountersignAuthModule } from '@countersign/nest-auth';
import type { TokenVerifier } from '@countersign/token-verifier';
import { PaymentStore } from './payments/payment-store.js';
import { PaymentsController } from './payments/payments.controller.js';
import { Clock } from './platform/clock.js';

export interface AppParts {
  readonly verifier: TokenVerifier;
  readonly clock: Clock;
}

/** The whole application. Every route needs a token, which passport takes from the request and our verifier verifies. */
@Module({ controllers: [PaymentsController], providers: [PaymentStore] })
export class AppModule {
  static of({ verifier, clock }: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [CountersignAuthModule.forRoot({ verifier, guard: 'passport' })],
      providers: [{ provide: Clock, useValue: clock }],
    };
  }
}
