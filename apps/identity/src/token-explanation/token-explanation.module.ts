import { Module } from '@nestjs/common';
import { RelyingServicesModule } from '../relying-services/relying-services.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.js';
import { TokenExplaining } from './token-explaining.js';

@Module({
  imports: [RelyingServicesModule, RevocationModule, SigningKeysModule],
  providers: [TokenExplaining],
  exports: [TokenExplaining],
})
export class TokenExplanationModule {}
