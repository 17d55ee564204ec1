import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import type { Logger, Registry } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { MasterKeys } from '../sealing/master-keys.js';
import { Clock } from './clock.js';
import { Database } from './database.js';
import { Ids } from './ids.js';

export const LOGGER = Symbol('logger');
export const METRICS = Symbol('metrics');

/** What everything in identity stands on; made once at the start, given to all. */
export interface Platform {
  readonly config: IdentityConfig;
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly database: Database;
  readonly masterKeys: MasterKeys;
}

@Global()
@Module({})
export class PlatformModule {
  static with(platform: Platform): DynamicModule {
    const providers = [
      { provide: IdentityConfig, useValue: platform.config },
      { provide: LOGGER, useValue: platform.logger },
      { provide: METRICS, useValue: platform.metrics },
      { provide: Clock, useValue: platform.clock },
      { provide: Ids, useValue: platform.ids },
      { provide: Database, useValue: platform.database },
      { provide: MasterKeys, useValue: platform.masterKeys },
    ];
    return { module: PlatformModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}
