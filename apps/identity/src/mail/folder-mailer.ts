import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@countersign/service-host';
import type { Clock } from '../platform/clock.js';
import type { Ids } from '../platform/ids.js';
import { Mailer } from './mailer.js';
import type { Message } from './mailer.js';

/**
 * Keeps messages as files in a folder, named so that the newest sorts last, readable only by this user. Logs the path and
 * nothing else: the text holds secrets.
 */
export class FolderMailer extends Mailer {
  #count = 0;

  constructor(
    private readonly folder: string,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly logger: Logger,
  ) {
    super();
  }

  async send({ to, subject, text }: Message): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const at = this.clock.now();
    this.#count += 1;
    const stamp = at.toISOString().replaceAll(/[:.]/g, '-');
    const path = join(this.folder, `${stamp}-${String(this.#count).padStart(6, '0')}.txt`);
    const unfinished = join(this.folder, `.${this.ids.uuid()}`);
    const content = `To: ${to}\nSubject: ${subject}\nDate: ${at.toUTCString()}\n\n${text}\n`;
    await writeFile(unfinished, content, { mode: 0o600 });
    await rename(unfinished, path);
    this.logger.info({ path }, 'a message was kept');
  }
}
