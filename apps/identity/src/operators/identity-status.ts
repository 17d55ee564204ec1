import { Injectable } from '@nestjs/common';
import { Client } from '../access-tokens/client.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { ServiceInstances } from '../relying-services/service-instances.js';
import type { ServiceOverview } from '../relying-services/service-instances.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import type { HeadReading } from '../revocation/revocation-log.js';
import { SigningKey } from '../signing-keys/signing-key.js';
import { configurationFaults } from './configuration-faults.js';

/** How identity stands, as one replica sees it. */
export interface StatusReport {
  /** This replica's clock when the database was asked, milliseconds. */
  readonly clockMs: number;
  readonly head: HeadReading;
  readonly feedReaders: number;
  readonly keys: readonly Pick<SigningKey, 'kid' | 'state' | 'preparedAt' | 'activatedAt'>[];
  readonly services: readonly ServiceOverview[];
  readonly faults: readonly string[];
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
    return { clockMs, head, feedReaders: this.feed.subscribers, keys, services, faults };
  }
}
