import { Module } from '@nestjs/common';
import { RevocationModule } from '../revocation/revocation.module.js';
import { CheckIns } from './check-ins.js';
import { RelyingServices } from './relying-services.js';

@Module({
  imports: [RevocationModule],
  providers: [RelyingServices, CheckIns],
  exports: [RelyingServices, CheckIns],
})
export class RelyingServicesModule {}
