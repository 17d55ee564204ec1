import { Module } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { Clock } from '../platform/clock.js';
import { Ids } from '../platform/ids.js';
import { LOGGER } from '../platform/platform.module.js';
import { FolderMailer } from './folder-mailer.js';
import { Mailer } from './mailer.js';

@Module({
  providers: [
    {
      provide: Mailer,
      inject: [IdentityConfig, Clock, Ids, LOGGER],
      useFactory: (config: IdentityConfig, clock: Clock, ids: Ids, logger: Logger) =>
        new FolderMailer(config.MAIL_DIR, clock, ids, logger),
    },
  ],
  exports: [Mailer],
})
export class MailModule {}
