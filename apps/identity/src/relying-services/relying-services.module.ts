import { Module } from '@nestjs/common';
import { RevocationModule } from '../revocation/revocation.module.js';
import { AwaitedReceipts } from './awaited-receipts.js';
import { CheckInClock } from './check-in-clock.js';
import { CheckIns } from './check-ins.js';
import { Purge } from './purge.js';
import { Receipts } from './receipts.js';
import { RelyingServices } from './relying-services.js';

@Module({
  imports: [RevocationModule],
  providers: [RelyingServices, CheckIns, CheckInClock, Receipts, AwaitedReceipts, Purge],
  exports: [RelyingServices, CheckIns, CheckInClock, Receipts, AwaitedReceipts, Purge],
})
export class RelyingServicesModule {}
