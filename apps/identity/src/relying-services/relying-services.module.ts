import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { AddedServices } from './added-services.js';
import { AwaitedReceipts } from './awaited-receipts.js';
import { CheckInClock } from './check-in-clock.js';
import { CheckIns } from './check-ins.js';
import { HeldKeys } from './held-keys.js';
import { Purge } from './purge.js';
import { Receipts } from './receipts.js';
import { RelyingServices } from './relying-services.js';
import { ServiceInstances } from './service-instances.js';

@Module({
  imports: [RevocationModule, AuditModule],
  providers: [
    RelyingServices,
    AddedServices,
    ServiceInstances,
    CheckIns,
    CheckInClock,
    HeldKeys,
    Receipts,
    AwaitedReceipts,
    Purge,
  ],
  exports: [
    RelyingServices,
    AddedServices,
    ServiceInstances,
    CheckIns,
    CheckInClock,
    HeldKeys,
    Receipts,
    AwaitedReceipts,
    Purge,
  ],
})
export class RelyingServicesModule {}
