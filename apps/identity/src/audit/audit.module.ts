import { Module } from '@nestjs/common';
import { AuditLog } from './audit-log.js';
import { AuditSealer } from './audit-sealer.js';
import { PersonalPurge } from './personal-purge.js';

@Module({
  providers: [AuditLog, AuditSealer, PersonalPurge],
  exports: [AuditLog, AuditSealer, PersonalPurge],
})
export class AuditModule {}
