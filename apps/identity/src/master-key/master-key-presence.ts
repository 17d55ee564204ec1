import type { Logger } from '@countersign/service-host';
import type { MasterKeys } from '../sealing/master-keys.js';
import type { HolderIdentity, MasterKeyRegistry } from './master-key-registry.js';

/** How often a replica says that it is there, milliseconds. */
const INTERVAL_MS = 10_000;

/** Keeps the registry informed that this replica runs, and which master keys it has. */
export class MasterKeyPresence {
  #timer: NodeJS.Timeout | undefined;
  #telling: Promise<void> = Promise.resolve();
  #lacking = '';

  constructor(
    private readonly registry: MasterKeyRegistry,
    private readonly keys: MasterKeys,
    private readonly holder: HolderIdentity,
    private readonly logger: Logger,
  ) {}

  /** @throws {MasterKeysOutOfOrder} when these are not the master keys to start with */
  async start(intervalMs = INTERVAL_MS): Promise<void> {
    await this.registry.admit(this.keys, this.holder);
    this.#timer = setInterval(() => {
      this.#telling = this.#telling.then(() => this.#tell());
    }, intervalMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#telling;
    // When the database is away, it is forgotten by itself.
    await this.registry.noteGone(this.holder).catch(() => undefined);
  }

  async #tell(): Promise<void> {
    try {
      const lacking = (await this.registry.noteAlive(this.keys, this.holder)).join(', ');
      if (lacking !== '' && lacking !== this.#lacking) {
        this.logger.error(
          { missing: lacking },
          'secrets are sealed under a master key that this replica does not have',
        );
      }
      this.#lacking = lacking;
    } catch (error) {
      this.logger.debug({ err: error }, 'the database does not know that this replica runs');
    }
  }
}
