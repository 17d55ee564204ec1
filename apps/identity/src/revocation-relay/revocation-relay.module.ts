import { Module } from '@nestjs/common';
import { RevocationModule } from '../revocation/revocation.module.js';
import { RelayLease } from './relay-lease.js';
import { RelayedLog } from './relayed-log.js';
import { RevocationRelay } from './revocation-relay.js';

/** The relay that brings revocations to Redis. */
@Module({
  imports: [RevocationModule],
  providers: [RelayLease, RelayedLog, RevocationRelay],
  exports: [RevocationRelay, RelayLease],
})
export class RevocationRelayModule {}
