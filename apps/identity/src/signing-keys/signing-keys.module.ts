import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { RelyingServicesModule } from '../relying-services/relying-services.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { KeyRing } from './key-ring.js';
import { KeyRevocation } from './key-revocation.js';
import { KeyRotation } from './key-rotation.js';
import { KeyVault } from './key-vault.js';
import { LocalKeyVault } from './local-key-vault.js';
import { RotationDriver } from './rotation-driver.js';

@Module({
  imports: [AuditModule, RelyingServicesModule, RevocationModule],
  providers: [
    { provide: KeyVault, useClass: LocalKeyVault },
    KeyRing,
    KeyRotation,
    KeyRevocation,
    RotationDriver,
  ],
  exports: [KeyRing, KeyRotation, KeyRevocation, RotationDriver],
})
export class SigningKeysModule {}
