import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { AttemptCounters } from './attempt-counters.js';
import { AttemptKeys } from './attempt-keys.js';
import { AttemptLimits } from './attempt-limits.js';
import { HashingShares } from './hashing-shares.js';
import { KnownDevices } from './known-devices.js';
import { RequestLimits } from './request-limits.js';

const PARTS = [
  AttemptCounters,
  AttemptKeys,
  AttemptLimits,
  HashingShares,
  KnownDevices,
  RequestLimits,
];

@Module({ imports: [AccountsModule, RevocationModule], providers: PARTS, exports: PARTS })
export class GuessingModule {}
