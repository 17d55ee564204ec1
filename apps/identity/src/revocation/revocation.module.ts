import { Module } from '@nestjs/common';
import { Epochs } from './epochs.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';

@Module({
  providers: [RevocationLog, RevocationFeed, HeartbeatProof, Epochs],
  exports: [RevocationLog, RevocationFeed, HeartbeatProof, Epochs],
})
export class RevocationModule {}
