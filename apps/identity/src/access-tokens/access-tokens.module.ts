import { Module } from '@nestjs/common';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SigningKeysModule } from '../signing-keys/signing-keys.module.js';
import { AccessTokens } from './access-tokens.js';

@Module({
  imports: [SigningKeysModule, RevocationModule],
  providers: [AccessTokens],
  exports: [AccessTokens],
})
export class AccessTokensModule {}
