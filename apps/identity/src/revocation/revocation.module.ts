import { Module } from '@nestjs/common';
import { HeartbeatProof } from './heartbeat-proof.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';

@Module({
  providers: [RevocationLog, RevocationFeed, HeartbeatProof],
  exports: [RevocationLog, RevocationFeed, HeartbeatProof],
})
export class RevocationModule {}
