import { Module } from '@nestjs/common';
import { AccessTokensModule } from '../access-tokens/access-tokens.module.js';
import { RelyingServicesModule } from '../relying-services/relying-services.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.js';
import { ClientAuthentication } from './client-authentication.js';
import { PresentedTokens } from './presented-tokens.js';
import { ServiceTokens } from './service-tokens.js';

@Module({
  imports: [AccessTokensModule, RelyingServicesModule, RevocationModule, SigningKeysModule],
  providers: [ClientAuthentication, PresentedTokens, ServiceTokens],
  exports: [ClientAuthentication, PresentedTokens, ServiceTokens],
})
export class OAuthModule {}
