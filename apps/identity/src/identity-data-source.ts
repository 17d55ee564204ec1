import type { DataSource } from 'typeorm';
import { Client } from './access-tokens/client.js';
import { Account } from './accounts/account.js';
import { FirstSchema1763726400000 } from './migrations/1763726400000-first-schema.js';
import { Receipts1763730000000 } from './migrations/1763730000000-receipts.js';
import { LiveSetAfterLoss1763730100000 } from './migrations/1763730100000-live-set-after-loss.js';
import { ClientSecrets1763730200000 } from './migrations/1763730200000-client-secrets.js';
import { Operators1763740000000 } from './migrations/1763740000000-operators.js';
import { RevocationRelay1763750000000 } from './migrations/1763750000000-revocation-relay.js';
import { Epochs1763760000000 } from './migrations/1763760000000-epochs.js';
import { KeyRotation1763770000000 } from './migrations/1763770000000-key-rotation.js';
import { Activity1763780000000 } from './migrations/1763780000000-activity.js';
import { Refresh1763781000000 } from './migrations/1763781000000-refresh.js';
import { RegisteredClients1763783000000 } from './migrations/1763783000000-registered-clients.js';
import { AuditChain1763784000000 } from './migrations/1763784000000-audit-chain.js';
import { MailOutbox1763782000000 } from './migrations/1763782000000-mail-outbox.js';
import { LogRows1763787000000 } from './migrations/1763787000000-log-rows.js';
import { LostTime1763791000000 } from './migrations/1763791000000-lost-time.js';
import { MasterKeys1763785000000 } from './migrations/1763785000000-master-keys.js';
import { RefreshRush1763792000000 } from './migrations/1763792000000-refresh-rush.js';
import { RestoreEmail1763782100000 } from './migrations/1763782100000-restore-email.js';
import { UnverifiedAccounts1763782200000 } from './migrations/1763782200000-unverified-accounts.js';
import { PersonalAge1763793000000 } from './migrations/1763793000000-personal-age.js';
import { PurgedSessions1763784100000 } from './migrations/1763784100000-purged-sessions.js';
import { PasswordVersion1763788000000 } from './migrations/1763788000000-password-version.js';
import { createDataSource } from './platform/data-source.js';
import { Session } from './sessions/session.js';
import { SigningKey } from './signing-keys/signing-key.js';

/** Identity's database: all its entities and its whole history of migrations. */
export function createIdentityDataSource(url: string, poolSize: number): DataSource {
  return createDataSource({
    url,
    poolSize,
    entities: [Account, Client, Session, SigningKey],
    migrations: [
      FirstSchema1763726400000,
      Receipts1763730000000,
      LiveSetAfterLoss1763730100000,
      ClientSecrets1763730200000,
      Operators1763740000000,
      RevocationRelay1763750000000,
      Epochs1763760000000,
      KeyRotation1763770000000,
      Activity1763780000000,
      Refresh1763781000000,
      RegisteredClients1763783000000,
      MailOutbox1763782000000,
      RestoreEmail1763782100000,
      UnverifiedAccounts1763782200000,
      AuditChain1763784000000,
      PurgedSessions1763784100000,
      MasterKeys1763785000000,
      LogRows1763787000000,
      PasswordVersion1763788000000,
      LostTime1763791000000,
      RefreshRush1763792000000,
      PersonalAge1763793000000,
    ],
  });
}
