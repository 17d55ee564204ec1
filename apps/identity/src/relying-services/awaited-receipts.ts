import { Inject, Injectable } from '@nestjs/common';
import { comparePositions } from '@countersign/revocation';
import type { Position } from '@countersign/revocation';
import { OutageLog } from '@countersign/service-host';
import type { Logger } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { ListeningConnection } from '../platform/listening-connection.js';
import { LOGGER } from '../platform/platform.module.js';
import { RECEIPT_CHANNEL } from './check-ins.js';
import { Receipts } from './receipts.js';

/** `applied`: every live instance has given its receipt. `pending`: it is not known to be so. */
export type ReceiptStatus = 'applied' | 'pending';

/** How many may wait at once in one replica; past that the answer is `pending` at once. */
const MAX_WAITING = 1_000;
/** How often those who wait look by themselves: notifications can be lost, and who leaves sends none. */
const LOOK_AGAIN_MS = 250;

interface Waiting {
  readonly position: Position;
  readonly settle: (status: ReceiptStatus) => void;
}

/**
 * Lets callers wait until a revocation has all its receipts. The check-in that completes them may come to any replica: the
 * database tells all. However many wait, one query at a time looks for all of them.
 */
@Injectable()
export class AwaitedReceipts {
  readonly #waiting = new Set<Waiting>();
  readonly #listening: ListeningConnection;
  readonly #outages: OutageLog;
  #looking = false;
  #lookAgain = false;
  #repeating: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    config: IdentityConfig,
    private readonly receipts: Receipts,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#outages = new OutageLog(logger, {
      fails: 'receipts could not be read',
      worksAgain: 'receipts are read again',
    });
    this.#listening = new ListeningConnection(config.DATABASE_URL, RECEIPT_CHANNEL, () =>
      this.#look(),
    );
  }

  async start(): Promise<void> {
    await this.#listening.start();
  }

  /** Everybody who waits is answered `pending`. */
  stop(): void {
    this.#stopped = true;
    this.#listening.close();
    for (const { settle } of [...this.#waiting]) settle('pending');
  }

  /**
   * Waits for all receipts of a revocation that has been committed, `ms` milliseconds at most. Never rejects.
   */
  wait(position: Position, ms: number): Promise<ReceiptStatus> {
    if (!this.hasRoom) return Promise.resolve('pending');
    return new Promise((resolve) => {
      const settle = (status: ReceiptStatus) => {
        clearTimeout(limit);
        this.#waiting.delete(waiting);
        if (this.#waiting.size === 0) this.#rest();
        resolve(status);
      };
      const limit = setTimeout(settle, ms, 'pending');
      const waiting = { position, settle };
      this.#waiting.add(waiting);
      this.#repeating ??= setInterval(() => this.#look(), LOOK_AGAIN_MS);
      this.#look();
    });
  }

  /** Whether one more may wait. */
  get hasRoom(): boolean {
    return !this.#stopped && this.#waiting.size < MAX_WAITING;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  #rest(): void {
    clearInterval(this.#repeating);
    this.#repeating = undefined;
  }

  #look(): void {
    if (this.#waiting.size === 0) return;
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    void this.#lookForAll();
  }

  async #lookForAll(): Promise<void> {
    try {
      while (this.#lookAgain && this.#waiting.size > 0) {
        this.#lookAgain = false;
        await this.#lookOnce();
        this.#outages.worked();
      }
    } catch (error) {
      this.#outages.failed(error);
    } finally {
      this.#looking = false;
    }
  }

  async #lookOnce(): Promise<void> {
    // Who comes later may wait for what was committed after this query began: the next one is for them.
    const asking = [...this.#waiting];
    const reached = await this.receipts.reachedByAll();
    if (!reached) return;
    for (const { position, settle } of asking) {
      if (comparePositions(position, reached) <= 0) settle('applied');
    }
  }
}
