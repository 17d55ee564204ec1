import { Module } from '@nestjs/common';
import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Accounts } from '../accounts/accounts.js';
import { AuditLog } from '../audit/audit-log.js';
import { OperatorAuditController } from '../operators/api/audit.controller.js';
import { OperatorClientsController } from '../operators/api/clients.controller.js';
import { OperatorRelyingServicesController } from '../operators/api/relying-services.controller.js';
import { OperatorRevocationsController } from '../operators/api/revocations.controller.js';
import { OperatorSessionsController } from '../operators/api/sessions.controller.js';
import { OperatorSigningKeysController } from '../operators/api/signing-keys.controller.js';
import { OperatorStatusController } from '../operators/api/status.controller.js';
import { OperatorTokensController } from '../operators/api/tokens.controller.js';
import { OperatorUsersController } from '../operators/api/users.controller.js';
import { ClientOverviews } from '../operators/client-overview.js';
import { CuttingOff } from '../operators/cutting-off.js';
import { IdentityStatus } from '../operators/identity-status.js';
import { OperatorGuard } from '../operators/operator.guard.js';
import { Operators } from '../operators/operators.js';
import { RegisteredClients } from '../operators/registered-clients.js';
import { LOGGER } from '../platform/platform.module.js';
import { ReceiptAnswers } from '../operators/api/receipt-answers.js';
import { RoleChanges } from '../operators/role-changes.js';
import { SessionEnding } from '../operators/session-ending.js';
import { AddedServices } from '../relying-services/added-services.js';
import { Receipts } from '../relying-services/receipts.js';
import { ServiceInstances } from '../relying-services/service-instances.js';
import { RevocationHistory } from '../revocation/revocation-history.js';
import { KeyRevocation } from '../signing-keys/key-revocation.js';
import { KeyRotation } from '../signing-keys/key-rotation.js';
import { RotationDriver } from '../signing-keys/rotation-driver.js';
import { TokenExplaining } from '../token-explanation/token-explaining.js';
import { lend } from './lend.js';

/**
 * Everything that operators use; never routed by a gateway. A route names the role that it needs, or nobody may use it. The
 * management routes beside it are open.
 */
@Module({
  controllers: [
    OperatorAuditController,
    OperatorClientsController,
    OperatorRelyingServicesController,
    OperatorRevocationsController,
    OperatorSessionsController,
    OperatorSigningKeysController,
    OperatorStatusController,
    OperatorTokensController,
    OperatorUsersController,
  ],
})
export class OperatorListenerModule {
  static of(identity: INestApplicationContext): DynamicModule {
    return {
      module: OperatorListenerModule,
      providers: [
        ...lend(identity, [
          Accounts,
          AddedServices,
          AuditLog,
          ClientOverviews,
          CuttingOff,
          IdentityStatus,
          KeyRevocation,
          KeyRotation,
          LOGGER,
          Operators,
          ReceiptAnswers,
          Receipts,
          RegisteredClients,
          RevocationHistory,
          RoleChanges,
          RotationDriver,
          ServiceInstances,
          SessionEnding,
          TokenExplaining,
        ]),
        { provide: APP_GUARD, useClass: OperatorGuard },
      ],
    };
  }
}
