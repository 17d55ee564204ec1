import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { RelyingServicesModule } from '../relying-services/relying-services.module.js';
import { RevocationRelayModule } from '../revocation-relay/revocation-relay.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { CuttingOff } from './cutting-off.js';
import { IdentityStatus } from './identity-status.js';
import { Operators } from './operators.js';
import { ReceiptAnswers } from './api/receipt-answers.js';
import { RoleChanges } from './role-changes.js';
import { SessionEnding } from './session-ending.js';

@Module({
  imports: [
    AuditModule,
    RevocationModule,
    RevocationRelayModule,
    RelyingServicesModule,
    SessionsModule,
  ],
  providers: [Operators, SessionEnding, RoleChanges, CuttingOff, ReceiptAnswers, IdentityStatus],
  exports: [Operators, SessionEnding, RoleChanges, CuttingOff, ReceiptAnswers, IdentityStatus],
})
export class OperatorsModule {}
