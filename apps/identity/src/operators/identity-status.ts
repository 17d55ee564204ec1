import { Injectable } from '@nestjs/common';
import { Client } from '../access-tokens/client.js';
import { readAuditBacklog } from '../audit/audit-backlog.js';
import type { AuditBacklog } from '../audit/audit-backlog.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { ServiceInstances } from '../relying-services/service-instances.js';
import type { ServiceOverview } from '../relying-services/service-instances.js';
import { RelayLease } from '../revocation-relay/relay-lease.js';
import type { RelayStatus } from '../revocation-relay/relay-lease.js';
import { RevocationRelay } from '../revocation-relay/revocation-relay.js';
import { EpochHistory } from '../revocation/epoch-history.js';
import type { ClosedEpoch } from '../revocation/epoch-history.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import type { HeadReading } from '../revocation/revocation-log.js';
import { SigningKey } from '../signing-keys/signing-key.js';
import { configurationFaults } from './configuration-faults.js';

/** So many epochs that are over are shown. */
const EPOCHS = 10;

/** How identity stands, as one replica sees it. */
export interface StatusReport {
  /** This replica's clock when the database was asked, milliseconds. */
  readonly clockMs: number;
  readonly head: HeadReading;
  readonly feedReaders: number;
  /** The latest that are over, the newest first. */
  readonly closedEpochs: readonly ClosedEpoch[];
  /** `undefined` without Redis. */
  readonly relay: RelayReport | undefined;
  readonly keys: readonly Pick<SigningKey, 'kid' | 'state' | 'preparedAt' | 'activatedAt'>[];
  readonly audit: AuditBacklog;
  readonly services: readonly ServiceOverview[];
  readonly faults: readonly string[];
}

/** How revocations get to Redis: what the leader has told the database last, and what this replica knows. */
export interface RelayReport extends RelayStatus {
  /** Whether this replica is the leader. */
  readonly leadsHere: boolean;
  /** Entries committed that the leader has not told to be in Redis; it tells once a second. */
  readonly lag: number;
}

/** Collects what `countersign status` and `countersign doctor` show. Looks, and changes nothing. */
@Injectable()
export class IdentityStatus {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly log: RevocationLog,
    private readonly feed: RevocationFeed,
    private readonly instances: ServiceInstances,
    private readonly epochs: EpochHistory,
    private readonly relay: RevocationRelay,
    private readonly lease: RelayLease,
  ) {}

  async report(): Promise<StatusReport> {
    const before = this.clock.now().getTime();
    const head = await this.log.head();
    // The database read its clock somewhere between the two.
    const clockMs = (before + this.clock.now().getTime()) / 2;
    const services = await this.instances.overview();
    const [keys, clients] = await this.database.run(async (manager) => [
      await manager.find(SigningKey, {
        select: { kid: true, state: true, preparedAt: true, activatedAt: true },
        order: { preparedAt: 'DESC' },
      }),
      await manager.find(Client, { select: { id: true, audiences: true } }),
    ]);
    const faults = configurationFaults({
      issuerUrl: this.config.ISSUER_URL,
      clients,
      services,
    });
    return {
      clockMs,
      head,
      feedReaders: this.feed.subscribers,
      closedEpochs: await this.epochs.latest(EPOCHS),
      relay: await this.#relay(head),
      keys,
      audit: await this.database.run(readAuditBacklog),
      services,
      faults,
    };
  }

  async #relay(head: HeadReading): Promise<RelayReport | undefined> {
    const { configured, leads, lastError } = this.relay.state();
    if (!configured) return undefined;
    const told = await this.lease.status();
    const { written } = told;
    return {
      ...told,
      leadsHere: leads,
      lag: written?.epoch === head.epoch ? Math.max(0, head.seq - written.seq) : head.seq,
      lastError: lastError ?? told.lastError,
    };
  }
}
