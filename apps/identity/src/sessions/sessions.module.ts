import { Module } from '@nestjs/common';
import { AccessTokensModule } from '../access-tokens/access-tokens.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { Sessions } from './sessions.js';

@Module({
  imports: [AccountsModule, AccessTokensModule, RevocationModule],
  providers: [Sessions],
  exports: [Sessions],
})
export class SessionsModule {}
