import { Module } from '@nestjs/common';
import { Epochs } from './epochs.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { RevocationHistory } from './revocation-history.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';

@Module({
  providers: [RevocationLog, RevocationHistory, RevocationFeed, HeartbeatProof, Epochs],
  exports: [RevocationLog, RevocationHistory, RevocationFeed, HeartbeatProof, Epochs],
})
export class RevocationModule {}
