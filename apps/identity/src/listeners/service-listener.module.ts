import { Module } from '@nestjs/common';
import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ServiceMetadataController } from '../access-tokens/metadata.controller.js';
import { IdentityConfig } from '../config/identity-config.js';
import { ClientAuthentication } from '../oauth/client-authentication.js';
import { IntrospectionController } from '../oauth/introspection.controller.js';
import { PresentedTokens } from '../oauth/presented-tokens.js';
import { CheckInController } from '../relying-services/check-in.controller.js';
import { CheckIns } from '../relying-services/check-ins.js';
import {
  RelyingServiceGuard,
  relyingServiceOf,
} from '../relying-services/relying-service.guard.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { FeedAudience, FeedReaders } from '../revocation/feed-readers.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { RevocationsController } from '../revocation/revocations.controller.js';
import { JwksController } from '../signing-keys/jwks.controller.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { lend } from './lend.js';

/** Everything that relying services use; never routed by a gateway. A route needs their credentials unless it says otherwise. */
@Module({
  controllers: [
    JwksController,
    ServiceMetadataController,
    RevocationsController,
    CheckInController,
    IntrospectionController,
  ],
})
export class ServiceListenerModule {
  static of(identity: INestApplicationContext): DynamicModule {
    return {
      module: ServiceListenerModule,
      providers: [
        ...lend(identity, [
          IdentityConfig,
          KeyRing,
          RevocationLog,
          RevocationFeed,
          RelyingServices,
          CheckIns,
          ClientAuthentication,
          PresentedTokens,
        ]),
        FeedReaders,
        { provide: FeedAudience, useValue: { serviceOf: relyingServiceOf } satisfies FeedAudience },
        { provide: APP_GUARD, useClass: RelyingServiceGuard },
      ],
    };
  }
}
