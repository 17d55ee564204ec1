import { Module } from '@nestjs/common';
import { AccessTokensModule } from '../access-tokens/access-tokens.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { RelyingServicesModule } from '../relying-services/relying-services.module.js';
import { RevocationRelayModule } from '../revocation-relay/revocation-relay.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { ClientOverviews } from './client-overview.js';
import { CuttingOff } from './cutting-off.js';
import { IdentityStatus } from './identity-status.js';
import { Operators } from './operators.js';
import { ReceiptAnswers } from './api/receipt-answers.js';
import { RegisteredClients } from './registered-clients.js';
import { RoleChanges } from './role-changes.js';
import { SessionEnding } from './session-ending.js';

@Module({
  imports: [
    AccessTokensModule,
    AuditModule,
    CredentialsModule,
    RevocationModule,
    RevocationRelayModule,
    RelyingServicesModule,
    SessionsModule,
  ],
  providers: [
    Operators,
    SessionEnding,
    RoleChanges,
    CuttingOff,
    ReceiptAnswers,
    IdentityStatus,
    ClientOverviews,
    RegisteredClients,
  ],
  exports: [
    Operators,
    SessionEnding,
    RoleChanges,
    CuttingOff,
    ReceiptAnswers,
    IdentityStatus,
    ClientOverviews,
    RegisteredClients,
  ],
})
export class OperatorsModule {}
