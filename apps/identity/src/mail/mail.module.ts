import { Module } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { Clock } from '../platform/clock.js';
import { Ids } from '../platform/ids.js';
import { LOGGER } from '../platform/platform.module.js';
import { FolderMailer } from './folder-mailer.js';
import { MailDelivery } from './mail-delivery.js';
import { Mailer } from './mailer.js';
import { Outbox } from './outbox.js';
import { SmtpMailer } from './smtp-mailer.js';

@Module({
  providers: [
    {
      provide: Mailer,
      inject: [IdentityConfig, Clock, Ids, LOGGER],
      useFactory: mailerFor,
    },
    Outbox,
    MailDelivery,
  ],
  exports: [Outbox, MailDelivery],
})
export class MailModule {}

function mailerFor(config: IdentityConfig, clock: Clock, ids: Ids, logger: Logger): Mailer {
  const { SMTP_URL: url, MAIL_FROM: from, MAIL_DIR: folder } = config;
  if (url !== undefined && from !== undefined) {
    const password = config.SMTP_PASSWORD_FILE;
    return new SmtpMailer({ url, password, from, allowPlaintext: config.SMTP_ALLOW_PLAINTEXT });
  }
  if (folder === undefined) throw new TypeError('the settings say nowhere how messages are sent');
  return new FolderMailer(folder, clock, ids, logger);
}
