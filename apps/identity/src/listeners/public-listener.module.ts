import { Module } from '@nestjs/common';
import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { CountersignAuthModule } from '@countersign/nest-auth';
import type { TokenVerifier } from '@countersign/token-verifier';
import { PublicMetadataController } from '../access-tokens/metadata.controller.js';
import { PastTokens } from '../access-tokens/past-tokens.js';
import { Accounts } from '../accounts/accounts.js';
import { IdentityConfig } from '../config/identity-config.js';
import { AccountController } from '../credentials/account.controller.js';
import { AccountDeletion } from '../credentials/account-deletion.js';
import { AccountExport } from '../credentials/account-export.js';
import { EmailChange } from '../credentials/email-change.js';
import { EmailChangeController } from '../credentials/email-change.controller.js';
import { OwnerCheck } from '../credentials/owner-check.js';
import { PasswordChange } from '../credentials/password-change.js';
import { PasswordController } from '../credentials/password.controller.js';
import { PasswordReset } from '../credentials/password-reset.js';
import { Registration } from '../credentials/registration.js';
import { RegistrationController } from '../credentials/registration.controller.js';
import { SessionEndsController } from '../credentials/session-ends.controller.js';
import { SignIn } from '../credentials/sign-in.js';
import { SignInController } from '../credentials/sign-in.controller.js';
import { AttemptKeys } from '../guessing/attempt-keys.js';
import {
  AttemptLimitsInterceptor,
  SignedInAccount,
} from '../guessing/attempt-limits.interceptor.js';
import { AttemptLimits } from '../guessing/attempt-limits.js';
import { HashingShares } from '../guessing/hashing-shares.js';
import { KnownDevices } from '../guessing/known-devices.js';
import { RequestLimitsGuard } from '../guessing/request-limits.guard.js';
import { RequestLimits } from '../guessing/request-limits.js';
import { ClientAuthentication } from '../oauth/client-authentication.js';
import { PresentedTokens } from '../oauth/presented-tokens.js';
import { ServiceTokens } from '../oauth/service-tokens.js';
import { TokenController } from '../oauth/token.controller.js';
import { TokenRevocationController } from '../oauth/token-revocation.controller.js';
import { AwaitedReceipts } from '../relying-services/awaited-receipts.js';
import { AuditLog } from '../audit/audit-log.js';
import { ActivityController } from '../sessions/activity.controller.js';
import { provedFor } from '../sessions/delivery/deliver-credentials.js';
import { OwnCookies } from '../sessions/delivery/own-cookies.js';
import { ReplacedSession } from '../sessions/delivery/replaced-session.js';
import { SignedInGuard } from '../sessions/delivery/signed-in.guard.js';
import { RefreshController } from '../sessions/refresh/refresh.controller.js';
import { LOGGER } from '../platform/platform.module.js';
import { RefreshAdmission } from '../sessions/admission/refresh-admission.js';
import { Refreshes } from '../sessions/refresh/refreshes.js';
import { signedInOf } from '../sessions/delivery/signed-in.js';
import { SessionLimit } from '../sessions/session-limit.js';
import { SessionList } from '../sessions/session-list.js';
import { SessionLookup } from '../sessions/session-lookup.js';
import { SessionController } from '../sessions/session.controller.js';
import { SessionListController } from '../sessions/session-list.controller.js';
import { OwnSessions } from '../sessions/own-sessions.js';
import { JwksController } from '../signing-keys/jwks.controller.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { lend } from './lend.js';

/** Everything that the public listener offers, through the gateway. A route needs a token unless it says otherwise. */
@Module({
  controllers: [
    JwksController,
    PublicMetadataController,
    AccountController,
    ActivityController,
    EmailChangeController,
    PasswordController,
    RegistrationController,
    SignInController,
    SessionController,
    SessionListController,
    SessionEndsController,
    RefreshController,
    TokenController,
    TokenRevocationController,
  ],
})
export class PublicListenerModule {
  static of(identity: INestApplicationContext, verifier: TokenVerifier): DynamicModule {
    return {
      module: PublicListenerModule,
      imports: [CountersignAuthModule.forRoot({ verifier, guard: 'none' })],
      providers: [
        ...lend(identity, [
          AuditLog,
          IdentityConfig,
          KeyRing,
          Accounts,
          AccountDeletion,
          AccountExport,
          EmailChange,
          PasswordChange,
          PasswordReset,
          Registration,
          SignIn,
          OwnerCheck,
          OwnSessions,
          RefreshAdmission,
          Refreshes,
          SessionLimit,
          SessionList,
          SessionLookup,
          AwaitedReceipts,
          ClientAuthentication,
          PresentedTokens,
          ServiceTokens,
          OwnCookies,
          AttemptKeys,
          AttemptLimits,
          HashingShares,
          KnownDevices,
          PastTokens,
          RequestLimits,
          LOGGER,
        ]),
        ReplacedSession,
        { provide: APP_GUARD, useClass: RequestLimitsGuard },
        { provide: APP_GUARD, useClass: SignedInGuard },
        {
          provide: SignedInAccount,
          useValue: {
            of: signedInOf,
            provedFor,
          } satisfies SignedInAccount,
        },
        { provide: APP_INTERCEPTOR, useClass: AttemptLimitsInterceptor },
      ],
    };
  }
}
