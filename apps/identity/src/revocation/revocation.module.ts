import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { EpochHistory } from './epoch-history.js';
import { EpochRaising } from './epoch-raising.js';
import { Epochs } from './epochs.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { RevocationHistory } from './revocation-history.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationLog } from './revocation-log.js';

const FEATURES = [
  RevocationLog,
  RevocationHistory,
  RevocationFeed,
  HeartbeatProof,
  Epochs,
  EpochRaising,
  EpochHistory,
];

@Module({ imports: [AuditModule], providers: FEATURES, exports: FEATURES })
export class RevocationModule {}
