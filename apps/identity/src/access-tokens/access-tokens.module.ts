import { Module } from '@nestjs/common';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.js';
import { AccessTokens } from './access-tokens.js';
import { ClientSecrets } from './client-secrets.js';
import { PastTokens } from './past-tokens.js';

@Module({
  imports: [SigningKeysModule, RevocationModule],
  providers: [AccessTokens, ClientSecrets, PastTokens],
  exports: [AccessTokens, ClientSecrets, PastTokens],
})
export class AccessTokensModule {}
