import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AccessTokensModule } from './access-tokens/access-tokens.module.js';
import { AccountsModule } from './accounts/accounts.module.js';
import { AuditModule } from './audit/audit.module.js';
import { CredentialsModule } from './credentials/credentials.module.js';
import { GuessingModule } from './guessing/guessing.module.js';
import { OAuthModule } from './oauth/oauth.module.js';
import { OperatorsModule } from './operators/operators.module.js';
import { PlatformModule } from './platform/platform.module.js';
import type { Platform } from './platform/platform.module.js';
import { RelyingServicesModule } from './relying-services/relying-services.module.js';
import { RevocationRelayModule } from './revocation-relay/revocation-relay.module.js';
import { RevocationModule } from './revocation/revocation.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { SigningKeysModule } from './signing-keys/signing-keys.module.js';
import { TokenExplanationModule } from './token-explanation/token-explanation.module.js';

/** The features of identity, without any listener. */
@Module({
  imports: [
    AccountsModule,
    CredentialsModule,
    SessionsModule,
    AccessTokensModule,
    SigningKeysModule,
    RevocationModule,
    RevocationRelayModule,
    RelyingServicesModule,
    GuessingModule,
    OAuthModule,
    AuditModule,
    OperatorsModule,
    TokenExplanationModule,
  ],
})
export class IdentityModule {
  static on(platform: Platform): DynamicModule {
    return { module: IdentityModule, imports: [PlatformModule.with(platform)] };
  }
}
