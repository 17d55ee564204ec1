import { Module } from '@nestjs/common';
import { AuditLog } from './audit-log.js';
import { AuditSealer } from './audit-sealer.js';

@Module({ providers: [AuditLog, AuditSealer], exports: [AuditLog, AuditSealer] })
export class AuditModule {}
